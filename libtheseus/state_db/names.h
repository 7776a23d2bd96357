/*
 * names - so that two copies of state_db may be part of one program.
 *
 * To be included first by each of state_db's own files. What they define is called so by
 * themselves only: everybody else calls a function of that name in nano_core/db.c, which
 * leads to the copy that serves. A module has its names to itself; a copy that is linked in
 * has them renamed here.
 */
#pragma once

#ifndef THS_MODULE_BUILD
#ifndef STATE_DB_COPY
#define STATE_DB_COPY first
#endif
#define STATE_DB_PASTE_(copy, name) ths_state_db_##copy##_##name
#define STATE_DB_PASTE(copy, name)  STATE_DB_PASTE_(copy, name)
#define STATE_DB_(name)             STATE_DB_PASTE(STATE_DB_COPY, name)

#define ths_state_db_ops STATE_DB_(ops)

/* What the list of entries has. */
#define ths_convert_is_due   STATE_DB_(convert_is_due)
#define ths_convert_overlays STATE_DB_(convert_overlays)
#define ths_convert_row      STATE_DB_(convert_row)
#define ths_pool_give        STATE_DB_(pool_give)
#define ths_pool_of          STATE_DB_(pool_of)
#define ths_pool_reclaim     STATE_DB_(pool_reclaim)
#define ths_pool_refill      STATE_DB_(pool_refill)
#define ths_pool_take        STATE_DB_(pool_take)
#define ths_restore_image    STATE_DB_(restore_image)
#define ths_row_find_slowly  STATE_DB_(row_find_slowly)
#define ths_row_free         STATE_DB_(row_free)
#define ths_row_new_         STATE_DB_(row_new_)
#define ths_row_next         STATE_DB_(row_next)
#define ths_row_read_        STATE_DB_(row_read_)
#define ths_row_share        STATE_DB_(row_share)
#define ths_row_unshare      STATE_DB_(row_unshare)
#define ths_row_weak         STATE_DB_(row_weak)
#define ths_row_write_       STATE_DB_(row_write_)
#define ths_save_key_id       STATE_DB_(save_key_id)
#define ths_save_image       STATE_DB_(save_image)
#define ths_schema_number    STATE_DB_(schema_number)
#define ths_share_has_any    STATE_DB_(share_has_any)
#define ths_share_init       STATE_DB_(share_init)
#define ths_share_next       STATE_DB_(share_next)
#define ths_share_reap_one   STATE_DB_(share_reap_one)
#define ths_table_close      STATE_DB_(table_close)
#define ths_table_find       STATE_DB_(table_find)
#define ths_table_free       STATE_DB_(table_free)
#define ths_table_next       STATE_DB_(table_next)
#define ths_table_open       STATE_DB_(table_open)
#define ths_table_read       STATE_DB_(table_read)
#define ths_table_set_size   STATE_DB_(table_set_size)
#define ths_table_size_in    STATE_DB_(table_size_in)
#define ths_table_wipe       STATE_DB_(table_wipe)
#define ths_table_write      STATE_DB_(table_write)
#define ths_txn_abandon      STATE_DB_(txn_abandon)
#define ths_txn_begin        STATE_DB_(txn_begin)
#define ths_txn_clear        STATE_DB_(txn_clear)
#define ths_txn_commit       STATE_DB_(txn_commit)
#define ths_txn_commit_alone STATE_DB_(txn_commit_alone)
#define ths_txn_init         STATE_DB_(txn_init)
#define ths_txn_keep_reads   STATE_DB_(txn_keep_reads)
#define ths_txn_mark         STATE_DB_(txn_mark)
#define ths_txn_merge        STATE_DB_(txn_merge)
#define ths_txn_read         STATE_DB_(txn_read)
#define ths_txn_rollback     STATE_DB_(txn_rollback)
#define ths_txn_special_holds STATE_DB_(txn_special_holds)
#define ths_txn_validate     STATE_DB_(txn_validate)
#define ths_txn_write_hidden STATE_DB_(txn_write_hidden)
#define ths_weak_cache       STATE_DB_(weak_cache)
#define ths_weak_read_       STATE_DB_(weak_read_)

/* What only its own files call. */
#define ths_convert_commit   STATE_DB_(convert_commit)
#define ths_convert_end      STATE_DB_(convert_end)
#define ths_convert_read     STATE_DB_(convert_read)
#define ths_convert_write    STATE_DB_(convert_write)
#define ths_index_add        STATE_DB_(index_add)
#define ths_index_find       STATE_DB_(index_find)
#define ths_index_remove     STATE_DB_(index_remove)
#define ths_pool_retire      STATE_DB_(pool_retire)
#define ths_replace_add      STATE_DB_(replace_add)
#define ths_replace_begin    STATE_DB_(replace_begin)
#define ths_replace_commit   STATE_DB_(replace_commit)
#define ths_replace_end      STATE_DB_(replace_end)
#define ths_replace_index    STATE_DB_(replace_index)
#define ths_save_digest      STATE_DB_(save_digest)
#define ths_share_add        STATE_DB_(share_add)
#define ths_share_remove     STATE_DB_(share_remove)
#define ths_share_remove_all STATE_DB_(share_remove_all)
#define ths_table_give_row   STATE_DB_(table_give_row)
#define ths_table_lock       STATE_DB_(table_lock)
#define ths_table_new        STATE_DB_(table_new)
#define ths_table_recount    STATE_DB_(table_recount)
#define ths_table_take_row   STATE_DB_(table_take_row)
#define ths_table_unlock     STATE_DB_(table_unlock)
#define ths_txn_count        STATE_DB_(txn_count)
#define ths_txn_drop         STATE_DB_(txn_drop)
#define ths_txn_peek         STATE_DB_(txn_peek)
#define ths_txn_write        STATE_DB_(txn_write)
#define ths_txn_write_new    STATE_DB_(txn_write_new)
#endif
