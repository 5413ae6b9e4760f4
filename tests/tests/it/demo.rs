//! What the demo starts on this machine, where others may be too.

use std::path::Path;

use sqlx::{Connection, PgConnection};
use tokio::process::Command;

use crate::world;

#[test]
fn the_database_of_the_demo_has_a_password() {
    world::run(async {
        let folder = tempfile::tempdir().unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/postgres.sh");
        let place = folder.path().join("postgres");
        let port = world::free_port().to_string();
        let run = async |arguments: &[&str]| {
            let mut command = Command::new(&script);
            command.arg(arguments[0]).arg(&place).args(&arguments[1..]);
            let ended = command.output().await.unwrap();
            assert!(ended.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ended.stderr));
            String::from_utf8(ended.stdout).unwrap()
        };
        run(&["start", &port]).await;
        let url = run(&["url", &port]).await;
        let with = PgConnection::connect(url.trim()).await;
        let without = PgConnection::connect(&format!("postgres://waybill@127.0.0.1:{port}/waybill")).await;
        run(&["remove"]).await;
        assert!(with.is_ok(), "{:?}", with.err());
        assert!(without.is_err(), "nobody gets in without");
    });
}
