// The conformance handler in Rust (docs/conformance-handler.md), for the crates lambda_runtime, serde_json and tokio.
use lambda_runtime::{run, service_fn, Context, Error, LambdaEvent};
use serde_json::{json, Map, Value};
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

static COUNTS: LazyLock<Mutex<HashMap<String, u64>>> = LazyLock::new(Default::default);

async fn handle(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let (payload, context) = event.into_parts();
    let Some(verb) = payload.get("do").and_then(Value::as_str) else {
        return Ok(payload);
    };
    let text = |key: &str| payload[key].as_str().unwrap_or_default().to_owned();
    Ok(match verb {
        "echo" => payload["value"].clone(),
        "raise" => return Err(text("message").into()),
        "exit" => std::process::exit(payload["code"].as_i64().unwrap_or(1) as i32),
        "sleep" => {
            let ms = payload["ms"].as_u64().unwrap_or(0);
            tokio::time::sleep(Duration::from_millis(ms)).await;
            json!({ "slept": ms })
        }
        "env" => {
            let names = payload["names"].as_array().cloned().unwrap_or_default();
            let found = names.iter().filter_map(Value::as_str).map(|name| (name.to_owned(), json!(std::env::var(name).ok())));
            Value::Object(found.collect::<Map<_, _>>())
        }
        "context" => about(&context),
        "print" => {
            match payload["to"].as_str() {
                Some("stderr") => eprintln!("{}", text("text")),
                _ => println!("{}", text("text")),
            }
            json!({ "printed": text("text") })
        }
        "state" => {
            let mut counts = COUNTS.lock().unwrap();
            let count = counts.entry(text("key")).or_insert(0);
            *count += 1;
            json!({ "count": *count })
        }
        "size" => json!("x".repeat(payload["bytes"].as_u64().unwrap_or(0) as usize)),
        other => json!({ "unsupported": other }),
    })
}

fn about(context: &Context) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as i64;
    json!({
        "unsupported": ["tenant_id"],
        "request_id": context.request_id,
        "function_arn": context.invoked_function_arn,
        "function_name": context.env_config.function_name,
        "function_version": context.env_config.version,
        "memory_mb": context.env_config.memory,
        "log_group": context.env_config.log_group,
        "log_stream": context.env_config.log_stream,
        "remaining_ms": context.deadline as i64 - now,
        "trace_id": std::env::var("_X_AMZN_TRACE_ID").ok(),
        "client_title": context.client_context.as_ref().map(|given| given.client.app_title.clone()),
        "identity_id": context.identity.as_ref().map(|given| given.identity_id.clone()),
    })
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let init = std::env::var("CONFORMANCE_INIT").unwrap_or_default();
    match init.split_once(':') {
        Some(("raise", message)) => return Err(message.to_owned().into()),
        Some(("exit", code)) => std::process::exit(code.parse().unwrap_or(1)),
        Some(("print", text)) => println!("{text}"),
        _ => {}
    }
    run(service_fn(handle)).await
}
