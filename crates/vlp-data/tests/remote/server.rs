//! A web server of a few lines that fails on demand.

use std::collections::{HashMap, VecDeque};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What happens to one request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// This status instead of the file.
    Status(u16),
    /// The connection ends after so many bytes of the body.
    Cut(usize),
    /// The header declares so many bytes more than there are.
    Longer(usize),
    /// Nothing comes for so many milliseconds.
    Silence(u64),
}

#[derive(Debug, Default)]
struct State {
    files: Mutex<HashMap<String, Vec<u8>>>,
    faults: Mutex<HashMap<String, VecDeque<Fault>>>,
    log: Mutex<Vec<String>>,
    down: AtomicBool,
    without_etags: AtomicBool,
}

#[derive(Debug)]
pub(crate) struct Server {
    state: Arc<State>,
    port: u16,
}

impl Server {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (state, port) = (Arc::<State>::default(), listener.local_addr().unwrap().port());
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                // A client that goes away ends its thread.
                thread::spawn(move || while let Ok(true) = serve(&state, &stream) {});
            }
        });
        Self { state, port }
    }

    pub(crate) fn url(&self, name: &str) -> String {
        format!("http://127.0.0.1:{}/{name}", self.port)
    }

    pub(crate) fn put(&self, name: &str, bytes: &[u8]) {
        self.state.files.lock().unwrap().insert(name.to_owned(), bytes.to_vec());
    }

    /// The next requests for a file fail like this, one after the other.
    pub(crate) fn fail(&self, name: &str, faults: impl IntoIterator<Item = Fault>) {
        self.state.faults.lock().unwrap().insert(name.to_owned(), faults.into_iter().collect());
    }

    /// Connections are closed at once.
    pub(crate) fn down(&self, down: bool) {
        self.state.down.store(down, Ordering::SeqCst);
    }

    pub(crate) fn without_etags(&self) {
        self.state.without_etags.store(true, Ordering::SeqCst);
    }

    /// What was asked for since the last call: name, and the range where there was one.
    pub(crate) fn log(&self) -> Vec<String> {
        std::mem::take(&mut *self.state.log.lock().unwrap())
    }
}

/// One request; whether another one may come on this connection.
fn serve(state: &State, stream: &TcpStream) -> std::io::Result<bool> {
    let mut lines = BufReader::new(stream).lines();
    let request = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    let headers: Vec<String> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    let mut words = request.split(' ');
    let (Some(method), Some(path)) = (words.next(), words.next()) else { return Ok(false) };
    if state.down.load(Ordering::SeqCst) {
        return Ok(false);
    }
    let name = path.trim_start_matches('/').to_owned();
    let range =
        headers.iter().find_map(|line| line.to_ascii_lowercase().strip_prefix("range: bytes=").map(str::to_owned));
    let shown = range.as_ref().map_or_else(|| name.clone(), |range| format!("{name} {range}"));
    state.log.lock().unwrap().push(shown);
    let fault = state.faults.lock().unwrap().get_mut(&name).and_then(VecDeque::pop_front);
    let file = state.files.lock().unwrap().get(&name).cloned();
    let (mut status, mut body) = if file.is_some() { (200, file.unwrap_or_default()) } else { (404, b"gone".to_vec()) };
    let mut more = String::new();
    if status == 200 {
        more += "Last-Modified: Wed, 25 Nov 2026 10:00:00 GMT\r\n";
        if !state.without_etags.load(Ordering::SeqCst) {
            more += &format!("ETag: \"{}-{}\"\r\n", body.len(), body.iter().map(|&b| u64::from(b)).sum::<u64>());
        }
        if let Some(begin) = range.and_then(|range| range.split('-').next()?.parse::<usize>().ok()) {
            more += &format!("Content-Range: bytes {begin}-{}/{}\r\n", body.len() - 1, body.len());
            (status, body) = (206, body[begin..].to_vec());
        }
    }
    let (mut length, mut sent) = (body.len(), body.len());
    match fault {
        Some(Fault::Status(other)) => (status, body, more) = (other, b"refused".to_vec(), String::new()),
        Some(Fault::Cut(bytes)) => sent = bytes.min(body.len()),
        Some(Fault::Longer(bytes)) => length += bytes,
        Some(Fault::Silence(milliseconds)) => thread::sleep(Duration::from_millis(milliseconds)),
        None => {}
    }
    if let Some(Fault::Status(_)) = fault {
        (length, sent) = (body.len(), body.len());
    }
    let mut out = stream;
    write!(out, "HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n{more}\r\n")?;
    if method != "HEAD" {
        out.write_all(&body[..sent])?;
        out.flush()?;
    }
    if sent < length || length > body.len() {
        stream.shutdown(std::net::Shutdown::Both)?;
        return Ok(false);
    }
    Ok(true)
}
