/* Folders: a name that was made or renamed is durable when its folder is (fsync(2)). */
#ifndef FOLDER_H
#define FOLDER_H

/*
 * Sync the folder that holds path.  0, also where the folder can't be synced: its file
 * system has no such thing, or it is closed to our reading.  Else -1 with errno.
 */
int folder_sync(const char *path);

#endif
