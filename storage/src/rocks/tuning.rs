//! RocksDB's settings, with the reason for each that is not the default.

use rocksdb::{
    BlockBasedIndexType, BlockBasedOptions, Cache, DBCompressionType, DBRecoveryMode, Error, LogLevel, Options,
};

use super::Role;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// The family whose rows nothing compresses: its keys and most of its values are random.
const RANDOM_ROWS: &str = "ids";

/// The family whose rows are all in memory while a node runs: they are read whole at its start, and never one by one.
const MEMORY_ROWS: &str = "working";

/// Whether blocks of a family that were read are worth keeping for the next reader.
pub(super) fn is_read_again(name: &str) -> bool {
    name != MEMORY_ROWS
}

/// Settings of a whole instance, and the block cache its families share.
pub(super) fn database(role: Role) -> (Options, Cache) {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    // Damage is to be found when the store opens, not when a user's row is read.
    options.set_paranoid_checks(true);
    options.set_max_background_jobs(2);
    options.set_keep_log_file_num(2);
    options.set_log_level(LogLevel::Warn);
    // Bounds the descriptors and index memory of a node with a large history.
    options.set_max_open_files(512);
    match role {
        Role::Log { buffer_bytes } => {
            // The sync thread decides when the write-ahead log reaches the disk: once a group.
            options.set_manual_wal_flush(true);
            options.set_wal_recovery_mode(DBRecoveryMode::PointInTime);
            options.set_track_and_verify_wals_in_manifest(true);
            // Overwriting an old file needs no metadata write at each sync.
            options.set_recycle_log_file_num(4);
            options.set_max_total_wal_size(4 * buffer_bytes as u64);
            (options, Cache::new_lru_cache(8 * MIB))
        }
        Role::State => {
            // All families reach the disk together, so that `last_applied` is never ahead of a row or behind it.
            options.set_atomic_flush(true);
            (options, Cache::new_lru_cache(64 * MIB))
        }
    }
}

/// Rows come in the order of their keys: where the last one of the same table went is where the next one's search begins.
/// Searching from the top was a tenth of the processor time of a full load of orders. It has a name but no setter.
const INSERT_HINTS: &str = "memtable_insert_with_hint_prefix_extractor=fixed:1";

/// Settings of one family.
///
/// # Errors
/// This RocksDB does not know a setting by its name.
pub(super) fn family(role: Role, name: &str, cache: &Cache) -> Result<Options, Error> {
    let mut options = Options::default();
    let mut blocks = BlockBasedOptions::default();
    blocks.set_block_cache(cache);
    blocks.set_cache_index_and_filter_blocks(true);
    blocks.set_format_version(6);
    match role {
        Role::Log { buffer_bytes } => {
            // Log files follow each other without overlap, so compaction only moves them; purge drops whole files.
            options.set_write_buffer_size(buffer_bytes);
            // What is written here is gone soon; the processor is scarcer than the disk.
            options.set_compression_type(DBCompressionType::None);
        }
        Role::State => {
            options.set_write_buffer_size(64 * MIB);
            options.set_compression_type(DBCompressionType::Lz4);
            if is_read_again(name) {
                // Point lookups of command ids mostly miss; the filters answer those from memory.
                blocks.set_bloom_filter(10.0, false);
                // In pieces: a file's whole filter takes megabytes, more than one shard of the cache holds, so that it would
                // be read and checked again for every look-up (a third of the time of applying an order was just that).
                blocks.set_index_type(BlockBasedIndexType::TwoLevelIndexSearch);
                blocks.set_partition_filters(true);
                blocks.set_pin_top_level_index_and_filter(true);
                options.set_memtable_whole_key_filtering(true);
                options.set_memtable_prefix_bloom_ratio(0.05);
            } else {
                // Large blocks, and no slower compression below: a start waits for all of these rows.
                blocks.set_block_size(32 * KIB);
            }
            if is_read_again(name) && name != RANDOM_ROWS {
                options.set_bottommost_compression_type(DBCompressionType::Zstd);
            }
        }
    }
    options.set_block_based_table_factory(&blocks);
    match role {
        Role::Log { .. } => Ok(options),
        Role::State => options.get_options_from_string(INSERT_HINTS),
    }
}
