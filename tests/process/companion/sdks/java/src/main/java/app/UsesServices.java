package app;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.util.Arrays;
import java.util.Map;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.sqs.SqsClient;

/** A function as it would be written for AWS: nothing here says where the services are. */
public class UsesServices implements RequestHandler<UsesServices.Event, Map<String, Object>> {
    private final S3Client s3 = S3Client.create();
    private final SqsClient sqs = SqsClient.create();
    private final DynamoDbClient dynamoDb = DynamoDbClient.create();

    /** All three were made before. */
    public static class Event {
        public String bucket, queue, table;
        public int size;
    }

    @Override
    public Map<String, Object> handleRequest(Event event, Context context) {
        byte[] content = new byte[event.size];
        Arrays.fill(content, (byte) 'x');
        s3.putObject(request -> request.bucket(event.bucket).key("a key/ü"), RequestBody.fromBytes(content));
        byte[] read = s3.getObjectAsBytes(request -> request.bucket(event.bucket).key("a key/ü")).asByteArray();
        return Map.of(
            "region", s3.serviceClientConfiguration().region().id(),
            "size", read.length,
            "same", Arrays.equals(read, content),
            "message", exchange(event.queue),
            "item", keep(event.table));
    }

    private String exchange(String queue) {
        String url = sqs.getQueueUrl(request -> request.queueName(queue)).queueUrl();
        sqs.sendMessage(request -> request.queueUrl(url).messageBody("from inside"));
        return sqs.receiveMessage(request -> request.queueUrl(url).waitTimeSeconds(5)).messages().get(0).body();
    }

    private String keep(String table) {
        AttributeValue id = AttributeValue.fromS("1"), said = AttributeValue.fromS("from inside");
        dynamoDb.putItem(request -> request.tableName(table).item(Map.of("id", id, "said", said)));
        return dynamoDb.getItem(request -> request.tableName(table).key(Map.of("id", id))).item().get("said").s();
    }
}
