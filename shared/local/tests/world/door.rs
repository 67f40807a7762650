//! The door itself: signatures, unknown services and operations, the query protocol.

use backup_chain_local::World;
use bytes::Bytes;

use super::world;

fn signed(service: &str, caller: &str) -> http::request::Builder {
    let scope = format!("Credential=111122223333/20260301/eu-central-1/{service}/aws4_request");
    http::Request::post("https://anywhere.example/")
        .header("authorization", format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"))
        .header("x-amz-security-token", caller)
}

async fn answer(world: &World, request: http::Request<Bytes>) -> (u16, String) {
    let response = world.handle(request).await.unwrap();
    assert_eq!(response.headers()["date"], "Sun, 01 Mar 2026 00:00:00 GMT");
    (response.status().as_u16(), String::from_utf8(response.into_body().to_vec()).unwrap())
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_is_named() {
    let world = world();
    let unsigned = http::Request::post("https://dynamodb.eu-central-1.amazonaws.com/").body(Bytes::new());
    let (status, body) = answer(&world, unsigned.unwrap()).await;
    assert_eq!((status, body.contains("MissingAuthenticationToken")), (403, true));

    let (status, body) = answer(&world, signed("s3", "").body(Bytes::new()).unwrap()).await;
    assert_eq!(status, 501);
    assert!(body.contains("no service \\\"s3\\\""), "{body}");

    let targeted = signed("kms", "").header("x-amz-target", "TrentService.Sign").body("{}".into());
    let (status, body) = answer(&world, targeted.unwrap()).await;
    assert_eq!(status, 400);
    assert!(body.contains("UnknownOperationException") && body.contains("Sign of kms"), "{body}");
    assert_eq!(world.calls().len(), 1, "an operation nobody has is still a call");

    let mixed = signed("kms", "").header("x-amz-target", "DynamoDB_20120810.PutItem").body("{}".into());
    assert_eq!(answer(&world, mixed.unwrap()).await.0, 400);
    let broken = signed("kms", "").header("x-amz-target", "TrentService.ListKeys").body("{".into());
    assert!(answer(&world, broken.unwrap()).await.1.contains("SerializationException"));
}

#[tokio::test(start_paused = true)]
async fn the_caller_is_told_who_it_is() {
    let world = world();
    world.put_role("111122223333", "session<1>", &[]).unwrap();
    let body = "Action=GetCallerIdentity&Version=2011-06-15";
    let (status, body) = answer(&world, signed("sts", "session<1>").body(body.into()).unwrap()).await;
    assert_eq!(status, 200);
    assert!(body.contains("<Account>111122223333</Account>"), "{body}");
    assert!(
        body.contains("<Arn>arn:aws:sts::111122223333:assumed-role/session&lt;1&gt;/session</Arn>"),
        "{body}"
    );
    let (status, body) =
        answer(&world, signed("sts", "").body("Action=GetSessionToken".into()).unwrap()).await;
    assert_eq!(status, 400);
    assert!(body.contains("GetSessionToken of sts"), "{body}");
}
