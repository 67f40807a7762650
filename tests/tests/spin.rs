//! debug
use backup_chain_tests::*;
#[tokio::test(start_paused = true)]
async fn spin() {
    let (world, mut stack) = deployed("2026-01-05T00:00:00Z").await;
    table(&world, "app-orders", &[("team", "shop")]).await.unwrap();
    for i in 0..20 {
        eprintln!("{i} now {} next {:?} calls {}", world.now(), world.next_at(), world.calls().len());
        let t = std::time::Instant::now();
        stack.live(jiff::SignedDuration::from_secs(60)).await;
        eprintln!("  took {:?}", t.elapsed());
    }
}
