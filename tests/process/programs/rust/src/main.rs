//! A function in Rust, with AWS's own library.

use lambda_runtime::{run, service_fn, Error, LambdaEvent};
use serde_json::{json, Value};

async fn handle(event: LambdaEvent<Value>) -> Result<Value, Error> {
    println!("asked with {}", event.payload);
    if event.payload["fails"] == true {
        return Err("bad".into());
    }
    Ok(json!({ "echo": event.payload, "arn": event.context.invoked_function_arn }))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(handle)).await
}
