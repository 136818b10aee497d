//! Every behaviour of the suite, in Rust with AWS's own library. `_HANDLER` says which handler this is.

use lambda_runtime::streaming::{channel, Body, Response};
use lambda_runtime::{run, service_fn, Context, Error, LambdaEvent};
use serde_json::{json, Map, Value};
use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::process::{self, Command};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

static CALLS: AtomicU64 = AtomicU64::new(0);

async fn echo(event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(event.payload)
}

async fn act(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let (asked, context) = event.into_parts();
    let text = |key: &str| asked[key].as_str().unwrap_or_default().to_owned();
    match text("do").as_str() {
        "context" => Ok(describe(&context)),
        "environment" => Ok(Value::Object(std::env::vars().map(|(name, value)| (name, value.into())).collect::<Map<_, _>>())),
        "directory" => Ok(json!(std::env::current_dir()?)),
        "write" => Ok(json!(if fs::write(text("path"), "written").is_ok() { "written" } else { "refused" })),
        "read" => Ok(json!(fs::read_to_string(text("path"))?)),
        "count" => count(),
        "fail" => Err(text("message").into()),
        "panic" => panic!("{}", text("message")),
        "wait" => {
            tokio::time::sleep(Duration::from_secs_f64(asked["seconds"].as_f64().unwrap_or_default())).await;
            Ok(asked["token"].clone())
        }
        "exit" => process::exit(asked["status"].as_i64().unwrap_or_default() as i32),
        "kill" => {
            Command::new("/bin/sh").args(["-c", "kill -9 $PPID"]).status()?;
            Ok(Value::Null)
        }
        "log" => {
            println!("to stdout ☔ 𝄞");
            eprintln!("to stderr");
            println!("first line\nsecond line");
            Ok(Value::Null)
        }
        "fill" => Ok("x".repeat(asked["bytes"].as_u64().unwrap_or_default() as usize).into()),
        "run" => Ok(json!(String::from_utf8(Command::new(text("program")).output()?.stdout)?)),
        other => Err(format!("not one of the suite's: {other}").into()),
    }
}

fn describe(context: &Context) -> Value {
    let remaining = context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
    json!({
        "request_id": context.request_id,
        "name": context.env_config.function_name,
        "version": context.env_config.version,
        "arn": context.invoked_function_arn,
        "memory": context.env_config.memory,
        "remaining_ms": remaining.as_millis() as u64,
        "log_group": context.env_config.log_group,
        "log_stream": context.env_config.log_stream,
        "trace": context.xray_trace_id,
        "client": context.client_context.as_ref().map(|seen| json!({"app_title": seen.client.app_title, "custom": seen.custom})),
        "identity": context.identity.as_ref().map(|seen| &seen.identity_id),
    })
}

fn count() -> Result<Value, Error> {
    let mut file = OpenOptions::new().append(true).create(true).open("/tmp/count")?;
    file.write_all(b"x")?;
    Ok(json!({"global": CALLS.fetch_add(1, Ordering::Relaxed) + 1, "tmp": file.metadata()?.len()}))
}

async fn unserializable(_: LambdaEvent<Value>) -> Result<HashMap<Vec<u8>, u8>, Error> {
    Ok(HashMap::from([(vec![1], 1)])) // keys of JSON are text
}

async fn stream(event: LambdaEvent<Value>) -> Result<Response<Body>, Error> {
    let asked = event.payload;
    let (mut sender, body) = channel();
    tokio::spawn(async move {
        for part in asked["parts"].as_array().into_iter().flatten() {
            let bytes = part.as_str().unwrap_or_default().to_owned().into();
            if sender.send_data(bytes).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(asked["pause_ms"].as_u64().unwrap_or_default())).await;
        }
        if asked["fails"] == true {
            sender.abort();
        }
    });
    Ok(Response::from(body))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    match std::env::var("_HANDLER")?.as_str() {
        "echo" => run(service_fn(echo)).await,
        "act" => run(service_fn(act)).await,
        "unserializable" => run(service_fn(unserializable)).await,
        "stream" => run(service_fn(stream)).await,
        _ => Err("no weather at all".into()),
    }
}
