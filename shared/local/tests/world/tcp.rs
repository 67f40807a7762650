//! The same world over TCP.

use aws_sdk_dynamodb::Client;
use backup_chain_local::{Fault, FaultRule, server};
use tokio::net::TcpListener;

use super::{ACCOUNT, FRANKFURT, dynamo, new_table, put, world};

#[tokio::test]
async fn the_sdk_reaches_the_world_over_tcp() {
    let world = world();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(server::serve(world.clone(), listener));

    let mut over_tcp = world.sdk_config(ACCOUNT, FRANKFURT, "tcp").into_builder().endpoint_url(endpoint);
    over_tcp.set_http_client(None);
    let client = Client::new(&over_tcp.build());
    new_table(&client, "orders").send().await.unwrap();
    put(&client, "orders", "a", "1").await;
    // The connection breaks before the answer; the client tries again.
    world.inject(FaultRule::new("dynamodb", "PutItem", Fault::ResetAfter).times(1));
    put(&client, "orders", "a", "2").await;
    let inside = dynamo(&world, ACCOUNT, FRANKFURT).scan().table_name("orders").send().await.unwrap();
    assert_eq!(inside.count, 2);
    assert_eq!(world.calls().iter().filter(|call| call.caller == "tcp").count(), 4);
    serving.abort();
}
