//! Who may ask, and from where.

use reqwest::Method;
use serde_json::json;

use crate::house::House;

#[tokio::test]
async fn health_needs_no_token_and_everything_else_does() {
    let house = House::new().await;
    let bare = |path: &str| House::send(house.client.get(format!("{}{path}", house.url)));
    for path in ["/api/health", "/api/health/live", "/api/health/ready"] {
        assert_eq!(bare(path).await.ok(200)["status"], "pass");
    }
    bare("/metrics").await.ok(200);
    for path in ["/api/v1/status", "/api/v1/events/stream", "/api/v1/nowhere", "/api/v1"] {
        let answer = bare(path).await;
        answer.is_problem(401, "unauthorised");
        assert!(answer.header("www-authenticate").starts_with("Bearer"));
        assert!(answer.body["next"].as_str().unwrap().contains(".towpath/"));
    }
}

#[tokio::test]
async fn a_wrong_token_is_refused_and_never_said_again() {
    let house = House::new().await;
    let request = house.client.get(format!("{}/api/v1/status", house.url)).bearer_auth("almost-ana-token");
    let answer = House::send(request).await;
    answer.is_problem(401, "unauthorised");
    assert!(!answer.body.to_string().contains("almost"));
}

#[tokio::test]
async fn foreign_hosts_and_pages_are_refused_before_the_token_is_looked_at() {
    let house = House::new().await;
    for host in ["evil.example", "evil.example:80", "127.0.0.1", "localhost:1"] {
        let request = house.request(Method::GET, "/api/v1/status").header("host", host);
        House::send(request).await.is_problem(403, "foreign_host");
        let request = house.client.get(format!("{}/api/health", house.url)).header("host", host);
        House::send(request).await.is_problem(403, "foreign_host");
    }
    for origin in ["https://evil.example", "null", "http://localhost:1"] {
        let request = house.request(Method::POST, "/api/v1/promotions").header("origin", origin).json(&json!({}));
        House::send(request).await.is_problem(403, "foreign_origin");
    }
    let ours = format!("http://localhost:{}", house.port);
    let request = house.request(Method::GET, "/api/v1/status").header("origin", &ours);
    House::send(request.header("host", format!("localhost:{}", house.port))).await.ok(200);
}

#[tokio::test]
async fn an_address_that_others_reach_is_refused() {
    let house = House::new().await;
    let listener = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
    let options = towpath_server::ServerOptions::new(std::sync::Arc::new(towpath_server::Bundles));
    let access = towpath_server::Access::default();
    let error = towpath_server::serve(listener, house.engine.clone(), access, options, std::future::pending()).await;
    assert!(error.unwrap_err().to_string().contains("127.0.0.1"));
}
