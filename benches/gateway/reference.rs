//! What a proxy costs that does nothing: hyper alone, in 60 lines, and nginx.

use std::net::SocketAddr;
use std::path::Path;

use hyper::body::Incoming;
use hyper::header::HOST;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;

/// Forwards every request to `upstream`, body and answer as streams; tells its port on a line.
pub(crate) fn hyper(upstream: u16) -> ! {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        println!("{}", listener.local_addr().unwrap().port());
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client: Client<_, Incoming> = Client::builder(TokioExecutor::new()).build(connector);
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let client = client.clone();
            let service = service_fn(move |mut request: Request<Incoming>| {
                let path = request.uri().path_and_query().unwrap().as_str();
                let uri: Uri = format!("http://127.0.0.1:{upstream}{path}").parse().unwrap();
                *request.uri_mut() = uri;
                request.headers_mut().remove(HOST);
                client.request(request)
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    })
}

/// The configuration of an nginx that forwards each of `from` to the port of `to` at its place.
pub(crate) fn nginx(dir: &Path, from: &[u16], to: &[u16]) -> String {
    let dir = dir.display();
    let server = |(from, to): (&u16, &u16)| {
        format!(
            "upstream u{to} {{ server 127.0.0.1:{to}; keepalive 128; }}\n\
             server {{ listen 127.0.0.1:{from}; client_max_body_size 64m; client_body_buffer_size 1m;\n\
             location / {{ proxy_pass http://u{to}; proxy_http_version 1.1; proxy_set_header Connection \"\";\n\
             proxy_request_buffering off; proxy_buffering off; }} }}\n"
        )
    };
    let servers = from.iter().zip(to).map(server).collect::<Vec<_>>().concat();
    format!(
        "daemon off; worker_processes 1; pid {dir}/nginx.pid; error_log {dir}/nginx.err;\n\
         events {{ worker_connections 1024; }}\n\
         http {{ access_log off; keepalive_requests 100000000; tcp_nodelay on;\n\
         client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f;\n\
         uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;\n{servers}}}\n"
    )
}
