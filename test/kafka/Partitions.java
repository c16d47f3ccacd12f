/*
 * Where the Java client puts keys: one a line of standard input, bytes as they are; prints the
 * partition of each, of as many as the argument says.
 */
import java.io.IOException;
import java.util.Arrays;
import org.apache.kafka.clients.producer.internals.BuiltInPartitioner;

public class Partitions {
	public static void main(String[] args) throws IOException {
		int partitions = Integer.parseInt(args[0]);
		byte[] input = System.in.readAllBytes();
		StringBuilder out = new StringBuilder();

		for (int start = 0, end = 0; end < input.length; end++) {
			if (input[end] != '\n')
				continue;
			byte[] key = Arrays.copyOfRange(input, start, end);
			out.append(BuiltInPartitioner.partitionForKey(key, partitions)).append('\n');
			start = end + 1;
		}
		System.out.print(out);
	}
}
