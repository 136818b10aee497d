// One rule of EventBridge for orders that are placed, and two functions that know nothing of each other.
const { App, CfnOutput, Stack } = require("aws-cdk-lib");
const { EventBus, Rule, RuleTargetInput, EventField } = require("aws-cdk-lib/aws-events");
const { LambdaFunction } = require("aws-cdk-lib/aws-events-targets");
const { Code, Function, Runtime } = require("aws-cdk-lib/aws-lambda");

const stack = new Stack(new App(), "OrderEvents");

const makeFunction = (name) =>
  new Function(stack, name, {
    runtime: Runtime.PYTHON_3_12,
    handler: `${name.toLowerCase()}.handler`,
    code: Code.fromAsset("src"),
  });
const invoice = makeFunction("Invoice");
const parcel = makeFunction("Parcel");

const bus = new EventBus(stack, "Shop");
new Rule(stack, "OrderPlaced", {
  eventBus: bus,
  eventPattern: { source: ["shop"], detailType: ["OrderPlaced"], detail: { total: [{ numeric: [">", 0] }] } },
  targets: [
    new LambdaFunction(invoice, { event: RuleTargetInput.fromText(`${EventField.fromPath("$.detail.customer")} owes money`) }),
    new LambdaFunction(parcel),
  ],
});

new CfnOutput(stack, "Bus", { value: bus.eventBusName });
new CfnOutput(stack, "InvoiceFunction", { value: invoice.functionName });
new CfnOutput(stack, "ParcelFunction", { value: parcel.functionName });
