const { App, CfnOutput, CustomResource, Duration, RemovalPolicy, Stack } = require("aws-cdk-lib");
const { Code, Function, Runtime } = require("aws-cdk-lib/aws-lambda");
const { RetentionDays } = require("aws-cdk-lib/aws-logs");
const { Bucket } = require("aws-cdk-lib/aws-s3");
const { AwsCustomResource, AwsCustomResourcePolicy, PhysicalResourceId, Provider } = require("aws-cdk-lib/custom-resources");

const stack = new Stack(new App(), "OwnResources");
const bucket = new Bucket(stack, "Bucket", { removalPolicy: RemovalPolicy.DESTROY, autoDeleteObjects: true });

const parameter = { Name: "/own-resources/greeting" };
const call = new AwsCustomResource(stack, "Call", {
  onCreate: { service: "SSM", action: "putParameter", parameters: { ...parameter, Value: "hello", Type: "String" }, physicalResourceId: PhysicalResourceId.of("greeting") },
  onDelete: { service: "SSM", action: "deleteParameter", parameters: parameter },
  policy: AwsCustomResourcePolicy.fromSdkCalls({ resources: AwsCustomResourcePolicy.ANY_RESOURCE }),
});

const kept = new Function(stack, "Kept", {
  runtime: Runtime.NODEJS_22_X,
  handler: "index.handler",
  code: Code.fromInline("exports.handler = async () => 'kept';"),
  logRetention: RetentionDays.ONE_WEEK,
});

const own = (name, source) => new Function(stack, name, { runtime: Runtime.NODEJS_22_X, handler: "index.handler", code: Code.fromInline(source) });
const provider = new Provider(stack, "Provider", {
  onEventHandler: own("OnEvent", "exports.handler = async (event) => ({ PhysicalResourceId: 'provided', Data: { Word: event.ResourceProperties.Word } });"),
  isCompleteHandler: own("IsComplete", "exports.handler = async (event) => ({ IsComplete: true, Data: { Done: event.RequestType } });"),
  queryInterval: Duration.seconds(1),
});
const provided = new CustomResource(stack, "Provided", { serviceToken: provider.serviceToken, properties: { Word: "by a provider" } });

for (const [name, value] of Object.entries({
  BucketName: bucket.bucketName,
  ParameterVersion: call.getResponseField("Version"),
  KeptName: kept.functionName,
  ProvidedWord: provided.getAttString("Word"),
  ProvidedDone: provided.getAttString("Done"),
})) new CfnOutput(stack, name, { value });
