//! Are these the bytes of Apache ZooKeeper? Every vector was captured from 3.9.3; what is read from one
//! is what it says, and what is written from that is the vector again.

mod client;
mod election;
mod quorum;
mod storage;

use serde_json::Value;

fn vectors(text: &str) -> Value {
    serde_json::from_str(text).expect("vectors are JSON")
}

fn list<'a>(vectors: &'a Value, name: &str) -> &'a [Value] {
    vectors[name].as_array().expect("a list of vectors")
}

fn bytes(hex: &Value) -> Vec<u8> {
    let digits = hex.as_str().expect("hex digits");
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hex"))
        .collect()
}

/// A number, or text such as `0x1f`.
fn number(value: &Value) -> u64 {
    match value.as_str() {
        Some(text) => u64::from_str_radix(text.trim_start_matches("0x"), 16).expect("hex"),
        None => value.as_i64().expect("a number") as u64,
    }
}
