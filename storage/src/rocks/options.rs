//! RocksDB's options, for the log and for the state, with the reason for each.

use rocksdb::{BlockBasedOptions, Cache, DBCompressionType, DBRecoveryMode, LogLevel, Options, WriteOptions};

use crate::engine::Kind;

/// Blocks of the state kept in memory, shared by the databases of a process that follow each other after a snapshot install.
pub(crate) const STATE_CACHE_BYTES: usize = 128 << 20;
const LOG_CACHE_BYTES: usize = 8 << 20;

/// Options of the whole database.
pub(crate) fn database(kind: Kind, create: bool) -> Options {
    let mut options = Options::default();
    options.create_if_missing(create);
    options.create_missing_column_families(create);
    options.set_error_if_exists(create);
    // Two cores are shared with Raft: few background jobs, and never all the disk for a compaction.
    options.set_max_background_jobs(2);
    options.set_ratelimiter(128 << 20, 50_000, 10);
    options.set_bytes_per_sync(1 << 20);
    options.set_max_open_files(512);
    // Readers run on the runtime: they must not delete obsolete files when they let go of an iterator.
    options.set_avoid_unnecessary_blocking_io(true);
    options.set_log_level(LogLevel::Warn);
    options.set_keep_log_file_num(2);
    options.set_max_log_file_size(4 << 20);
    options.set_stats_dump_period_sec(0);
    options.set_stats_persist_period_sec(0);
    match kind {
        Kind::Log => {
            // A torn record at the end was never acknowledged; anything else that does not check out is damage and refused.
            options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
            // A recycled file's old records could pass for new ones behind a torn tail.
            options.set_recycle_log_file_num(0);
            options.set_max_total_wal_size(256 << 20);
            // One thread writes: the simple path through the memtable, with its hint for ascending keys.
            options.set_allow_concurrent_memtable_write(false);
        }
        // There is no write-ahead log to replay, so families must reach the disk together or not at all.
        Kind::State => options.set_atomic_flush(true),
    }
    options
}

/// Options of one family.
pub(crate) fn family(kind: Kind, cache: &Cache) -> Options {
    let mut options = Options::default();
    let mut table = BlockBasedOptions::default();
    match kind {
        Kind::Log => {
            // Entries die young: no compression, and a memtable large enough that most are purged before they reach a file.
            options.set_compression_type(DBCompressionType::None);
            options.set_write_buffer_size(64 << 20);
            options.set_max_write_buffer_number(4);
            options.set_level_zero_file_num_compaction_trigger(8);
            table.set_block_cache(&Cache::new_lru_cache(LOG_CACHE_BYTES));
        }
        Kind::State => {
            // Young levels are rewritten soon: only the last one is worth the time of a compression.
            options.set_compression_type(DBCompressionType::None);
            options.set_bottommost_compression_type(DBCompressionType::Lz4);
            // Most look-ups of apply ask whether something new is there already: the filter answers without a walk through the list.
            options.set_memtable_prefix_bloom_ratio(0.05);
            options.set_memtable_whole_key_filtering(true);
            options.set_write_buffer_size(32 << 20);
            options.set_max_write_buffer_number(4);
            options.set_level_compaction_dynamic_level_bytes(true);
            table.set_block_cache(cache);
            table.set_bloom_filter(10.0, false);
            table.set_cache_index_and_filter_blocks(true);
            table.set_pin_l0_filter_and_index_blocks_in_cache(true);
        }
    }
    table.set_format_version(5);
    options.set_block_based_table_factory(&table);
    options
}

/// Options of a write.
pub(crate) fn write(kind: Kind, sync: bool) -> WriteOptions {
    let mut options = WriteOptions::default();
    match kind {
        Kind::Log => options.set_sync(sync),
        Kind::State => options.disable_wal(true),
    }
    options
}
