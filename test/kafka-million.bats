#!/usr/bin/env bats
# A million events to Kafka and back.
# shellcheck disable=SC2154

load lines
load kafka
load produce

setup_file() { kafka_start; }
teardown_file() { kafka_stop; }

# A million rows in transactions of 1,000.
million() {
	awk 'BEGIN {
		prev = "0/10"
		print "{\"action\":\"H\",\"format\":1,\"system_identifier\":\"7\",\"start\":\"0/10\"}"
		for (t = 1; t <= 1000; t++) {
			lsn = sprintf("%X/F0", t); ack = sprintf("%X/FF", t)
			printf "{\"action\":\"B\",\"lsn\":\"%s\",\"xid\":%d}\n", lsn, t
			for (i = 0; i < 1000; i++)
				printf "{\"action\":\"I\",\"lsn\":\"%X/%X\",\"seq\":%d,\"xid\":%d,\"schema\":\"public\",\"table\":\"t\",\"columns\":[{\"name\":\"id\",\"type\":\"int\",\"value\":%d,\"id\":\"1-1\"},{\"name\":\"v\",\"type\":\"text\",\"value\":\"some text\",\"id\":\"1-2\"}],\"metadata\":{\"schema_id\":1,\"table_id\":\"1\",\"identity_ids\":[\"1-1\"],\"version_id\":1}}\n",
					t, i / 8, i, t, (t - 1) * 1000 + i
			printf "{\"action\":\"C\",\"lsn\":\"%s\",\"xid\":%d,\"prev\":\"%s\",\"ack\":\"%s\"}\n", lsn, t, prev, ack
			prev = ack
		}
	}'
}

@test "a million events with their keys: each once, in its partition's order, byte for byte" {
	topic create million 4
	million >sent
	produce -t million --key=identity --transactional-id=million <sent
	timeout -k 5 60 pgcdc-kafka consume -q -b "$KAFKA" -t million -G million --drain --with-origin 3>&- 4>&- >got
	# Of each message the partition, the key's id and the row's; then the line as it was.
	awk '
		!/^{"action":"I"/ { next }
		{
			match($0, /,"key":"{\\"schema\\":\\"public\\",\\"table\\":\\"t\\",\\"identity\\":{\\"id\\":[0-9]+}}"/)
			key = substr($0, RSTART, RLENGTH); gsub(/[^0-9]/, "", key)
			match($0, /"partition":[0-9]+/); partition = substr($0, RSTART + 12, RLENGTH - 12)
			match($0, /"value":[0-9]+/); id = substr($0, RSTART + 8, RLENGTH - 8)
			if (key != id || id in seen || id + 0 < last[partition]) { print; exit 1 }
			seen[id]; last[partition] = id + 0; n++
		}
		END { if (n != 1000000) { print n; exit 1 } }' got
	# Without the origin it is what was sent.
	timeout -k 5 60 pgcdc-kafka consume -q -b "$KAFKA" -t million -G again --drain 3>&- 4>&- |
		grep '^{"action":"I"' | LC_ALL=C sort -S 200M | sha256sum >got.sum
	grep '^{"action":"I"' sent | LC_ALL=C sort -S 200M | sha256sum | diff - got.sum
}
