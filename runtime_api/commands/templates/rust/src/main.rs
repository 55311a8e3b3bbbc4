//! A Lambda runtime in Rust, without dependencies: asks for an event, calls `handle`, and posts what that returns.

use std::env;
use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Result, Write};
use std::net::TcpStream;
use std::panic;

/// The function: gets its event as JSON, and answers with JSON, or with the message of an error.
fn handle(event: &str, call: &Reply) -> std::result::Result<String, String> {
    eprintln!("the deadline is {}", call.header("Lambda-Runtime-Deadline-Ms"));
    Ok(format!("{{\"you sent\": {event}}}"))
}

fn main() -> Result<()> {
    let mut api = Api::connect(env::var("AWS_LAMBDA_RUNTIME_API").expect("AWS_LAMBDA_RUNTIME_API is not set"))?;
    loop {
        let call = api.ask("GET", "invocation/next", "", "")?;
        let id = call.header("Lambda-Runtime-Aws-Request-Id");
        if call.status != 200 || id.is_empty() {
            return Err(Error::new(ErrorKind::Other, format!("/next: {} {}", call.status, call.body)));
        }
        env::set_var("_X_AMZN_TRACE_ID", call.header("Lambda-Runtime-Trace-Id"));
        let result = panic::catch_unwind(|| handle(&call.body, &call)).unwrap_or_else(|_| Err("it panicked".into()));
        match result {
            Ok(response) => api.ask("POST", &format!("invocation/{id}/response"), "", &response)?,
            Err(message) => {
                eprintln!("{message}");
                let kind = "Lambda-Runtime-Function-Error-Type: Function.Failed\r\n";
                let document = format!("{{\"errorMessage\": {}, \"errorType\": \"Function.Failed\"}}", quoted(&message));
                api.ask("POST", &format!("invocation/{id}/error"), kind, &document)?
            }
        };
    }
}

/// What the Runtime API has answered.
struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Reply {
    fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }
}

/// The Runtime API, on one connection.
struct Api {
    address: String,
    stream: BufReader<TcpStream>,
}

impl Api {
    fn connect(address: String) -> Result<Api> {
        let stream = BufReader::new(TcpStream::connect(&address)?);
        Ok(Api { address, stream })
    }

    /// Call it, and wait as long as it takes: /next is answered when there is an event.
    fn ask(&mut self, method: &str, path: &str, headers: &str, body: &str) -> Result<Reply> {
        let head = format!(
            "{method} /2018-06-01/runtime/{path} HTTP/1.1\r\nHost: {}\r\n{headers}Content-Length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        self.stream.get_mut().write_all((head + body).as_bytes())?;
        let mut reply = self.head()?;
        while reply.status < 200 {
            reply = self.head()?; // 1xx comes before the answer itself
        }
        let mut body = Vec::new();
        if reply.header("Transfer-Encoding").eq_ignore_ascii_case("chunked") {
            loop {
                let size = u64::from_str_radix(self.line()?.split(';').next().unwrap_or("").trim(), 16);
                let size = size.map_err(|error| Error::new(ErrorKind::InvalidData, error))?;
                self.read(size, &mut body)?;
                if size == 0 {
                    break;
                }
                self.line()?;
            }
            while !self.line()?.is_empty() {} // trailers
        } else {
            self.read(reply.header("Content-Length").parse().unwrap_or(0), &mut body)?;
        }
        reply.body = String::from_utf8_lossy(&body).into_owned();
        if reply.header("Connection").eq_ignore_ascii_case("close") {
            *self = Api::connect(self.address.clone())?;
        }
        Ok(reply)
    }

    fn head(&mut self) -> Result<Reply> {
        let status = self.line()?.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or(ErrorKind::InvalidData)?;
        let mut reply = Reply { status, headers: Vec::new(), body: String::new() };
        while let Some((name, value)) = self.line()?.split_once(':') {
            reply.headers.push((name.into(), value.trim().into()));
        }
        Ok(reply)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        match self.stream.read_line(&mut line)? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            _ => Ok(line.trim_end().to_string()),
        }
    }

    fn read(&mut self, size: u64, body: &mut Vec<u8>) -> Result<()> {
        match self.stream.by_ref().take(size).read_to_end(body)? as u64 {
            got if got < size => Err(ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

/// A JSON string with this text.
fn quoted(text: &str) -> String {
    let mut json = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => json.extend(['\\', letter]),
            letter if letter < ' ' => json.push_str(&format!("\\u{:04x}", letter as u32)),
            letter => json.push(letter),
        }
    }
    json + "\""
}
