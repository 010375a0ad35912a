//! The shared suite on each store, and on one that is wrapped.

mod memory {
    use engine::testing::conformance::Fixture;
    use sinks::store::MemoryStore;

    fn fresh() -> Fixture {
        let store = MemoryStore::default();
        let disk = store.reopen();
        Fixture { store: Box::new(store), reopen: Box::new(move || Box::new(disk.reopen())) }
    }

    engine::store_conforms!(fresh());
}

mod sqlite {
    use engine::testing::conformance::Fixture;
    use sinks::store::SqliteStore;

    fn fresh() -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        let store = Box::new(SqliteStore::new(folder.path().join("store.db")));
        let reopen = move || -> Box<dyn engine::component::Store> {
            Box::new(SqliteStore::new(folder.path().join("store.db")))
        };
        Fixture { store, reopen: Box::new(reopen) }
    }

    engine::store_conforms!(fresh());
}

mod postgres_16 {
    use crate::postgres_server::fresh;
    use engine::testing::postgres::Version;

    engine::store_conforms!(fresh(Version::V16));
}

mod postgres_18 {
    use crate::postgres_server::fresh;
    use engine::testing::postgres::Version;

    engine::store_conforms!(fresh(Version::V18));
}
