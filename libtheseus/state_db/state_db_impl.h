/*
 * state_db_impl - what state_db's files and the gate share: versions, slots, tables and
 * the transaction record.
 *
 * A row is a *slot*: one word, holding the address of the row's present *version* and two
 * flag bits. A version never changes once its address is in a slot; to write a row is to
 * make the next version and, at commit, to put its address there. So a read is a load, a
 * snapshot costs nothing, and to validate is to compare a word.
 *
 *	slot:     [ address of version                | WAITERS | LOCKED ]
 *	version:  [ commit | older | generation … | data of the row ]
 *
 * A superseded version is retired: it goes to the CPU's limbo and is used again when
 * every CPU has passed depth 0 since (pool.c).
 *
 * Invariants
 *   T1  Words change by compare-and-swap or exchange only; LOCKED is set by a committer,
 *       who alone may then replace the address.
 *   T2  A version's commit number is larger than that of any version it replaced. (A
 *       per-CPU row is not ordered: its versions carry commit 0.)
 *   T3  Slots are type-stable: once part of a table, a slot stays one for ever.
 *   T4  Nothing here allocates at commit: ths_txn_write() has taken all that it needs.
 *   T5  A table's size class never shrinks, and is stored before, and loaded after, its
 *       row size: so a version of it has room for the row size at hand. While the table
 *       changes its schema its row size is the larger of the two.
 *   T6  The data of a version are in the version's own schema. Whoever reads or writes a
 *       row in another one converts it (convert.c). Where the quick ways are open all
 *       live versions are in the table's schema and of its size class.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <theseus/arch.h>
#include <theseus/module.h>
#include <theseus/save.h>
#include <theseus/schema.h>

enum { SLOT_LOCKED = 1, SLOT_WAITERS = 2, SLOT_FLAGS = 3 };

struct ths_slot {
	_Atomic(uintptr_t) word;
};

enum version_flags { VERSION_DEAD = 1 };

struct ths_version {
	uint64_t commit;           /* the global clock at its commit; 0: never ordered */
	struct ths_version *older; /* what it superseded; valid while anyone may need it.
		In a free list: the next */
	union {
		struct {
			uint32_t generation; /* of the row's life */
			uint8_t pool;        /* size class it came from */
			uint8_t flags;       /* enum version_flags */
			uint16_t schema;     /* of the data: the number behind the slash */
		};
		uint64_t life; /* all four: the same in the next version of a live row */
	};
	uint8_t data[]; /* the row; 8-aligned */
};

THS_INLINE struct ths_version *slot_version(uintptr_t word)
{
	return (struct ths_version *)(word & ~(uintptr_t)SLOT_FLAGS);
}

/* What a slot of a row or of a binding holds: there is one once the slot is in use. */
THS_INLINE bool ths_version_is_live(const struct ths_version *version)
{
	return !(version->flags & VERSION_DEAD);
}

/* Of a row of a keyed table. */
THS_INLINE uint64_t version_key(const struct ths_version *version)
{
	return *(const uint64_t *)(const void *)version->data;
}

/* ---- tables -------------------------------------------------------------------- */

#define TABLES_MAX     128u
#define BUCKET_ENTRIES 7u
#define SMALL_SLOTS    8u

/*
 * A change of schema under way. What rows stood in is side 0, what they go to side 1 -
 * when it begins; it may be turned round, and the table's schema says where it goes now.
 */
struct ths_step {
	struct ths_instance *_Atomic bearer; /* whose functions they are; NULL: no step */
	struct ths_side {
		char schema[THS_NAME_MAX];
		ths_migrate_fn *fn; /* makes a row of this side of the other's; NULL: none */
		uint32_t row_size;
		uint16_t version;
		struct ths_layout layout;
	} side[2];
	enum step_change { STEP_KEPT, STEP_BEGUN, STEP_TURNED } change; /* by the
		publication under way */
	/* Moves by 4 with whatever a sweep counts on: where rows go, who is bound. Read and
	 * validated like a slot. */
	struct ths_slot turns;
	_Atomic(bool) entered;    /* a row stands in side 1, or did */
	_Atomic(bool) parked;     /* the sweeper has done what it could ... */
	_Atomic(bool) starved;    /* ... which was little, for want of memory */
	_Atomic(uint32_t) stuck;  /* rows the last sweep could not convert ... */
	_Atomic(uint32_t) stuck_row; /* ... of which this is one, ... */
	_Atomic(int) stuck_err;      /* ... for this reason */
};

struct ths_table {
	/* All slots the table will ever have, side by side (T3). Those below quick_rows may be
	 * read and written by the quick way: 0 where it is barred. gate.S knows both. */
	struct ths_slot *slots;
	_Atomic(uint32_t) quick_rows;
	_Atomic(uint32_t) write_rows; /* likewise for writes */
	uint32_t pool_at;             /* where in a CPU's record its versions are kept */
	uint32_t words8;              /* bytes of a row, rounded up to whole words */
	struct ths_version *_Atomic zero; /* what every row of a fixed table is at first */
	_Atomic(uint64_t) commits;    /* gate.S knows down to here */
	_Atomic(uint32_t) fresh;     /* rows that were never used begin here: struct db_free */
	char schema[THS_NAME_MAX];   /* "name/version" */
	char instance[THS_NAME_MAX]; /* THS_PER_INSTANCE: whose; else "" */
	/* These change when a step begins or ends, under interactions in flight: T5 keeps
	 * their copies where they belong. */
	_Atomic(uint32_t) row_size;
	uint32_t rows; /* at most; slots are mapped below `grown` */
	uint32_t flags;
	_Atomic(uint32_t) pool; /* size class of its versions */
	uint32_t id;
	_Atomic(uint16_t) schema_version; /* the number behind the slash; in a step: where
		it goes */
	_Atomic(uint16_t) used;  /* instances that declare it; 0: it is not to be touched */
	/* The slots of a small table. */
	struct ths_slot small[SMALL_SLOTS];
	_Atomic(uint32_t) live;
	/* Counts appearances and disappearances of rows (in steps of 4, so that it can be
	 * read and waited for like a slot): what an enumeration reads. */
	struct ths_slot population;
	/* Likewise rows that came back to those that are free: what who found none has read. */
	struct ths_slot returns;
	/* Hidden rows. Keyed: struct bucket. Joint: each row's title (share.c). */
	struct ths_slot *bucket;
	struct ths_slot *_Atomic quick_bucket; /* the same; NULL where the quick way is barred */
	uint32_t bucket_mask;
	struct ths_slot *title;
	_Atomic(uint32_t) grown; /* rows there are slots for: nano_core/grow.c */
	bool grows;              /* more of them may be had */
	struct ths_layout layout; /* of its rows; lies in the archive, which stays */
	struct ths_step step;
};

/*
 * What state_db itself keeps, as a metamodule (metamodule.h): plain data, moved by members
 * to a copy that has it otherwise. Tables' records, slots and versions are not part of it:
 * their addresses are with modules and waiters, and in read sets.
 */
struct db_state {
#ifdef STATE_DB_OTHER /* a build for tests: other places, and one member more */
	uint32_t moves; /* to this layout and away from it */
	uint32_t orphan_table, holder_table, share_table;
#else
	uint32_t share_table, holder_table, orphan_table; /* numbers of share.c's tables */
#endif
	struct db_free { /* by table: its free rows */
#ifdef STATE_DB_OTHER
		uint64_t spare;
#endif
		_Atomic(uint32_t) lock; /* of all that is said of free rows, `fresh` too */
		uint32_t head; /* tombstones linked by their data. Below `fresh` every slot
			has a version */
	} free[TABLES_MAX];
};
extern struct db_state ths_state_state_db;

struct bucket {
	uint32_t count;
	uint32_t overflow; /* entries whose home is here or before, kept further on */
	struct bucket_entry {
		uint32_t row;
		uint32_t tag;
	} entry[BUCKET_ENTRIES];
};

THS_INLINE struct ths_slot *table_slot(const struct ths_table *table, uint32_t row)
{
	return &table->slots[row];
}

/* ---- transactions --------------------------------------------------------------- */

#define READS_MAX   512u
#define WRITES_MAX  64u
#define EFFECTS_MAX 32u
#define LIMBO_MAX   1024u
#define POOLS       9u

enum write_kind {
	WRITE_CHANGE, /* a live row becomes another */
	WRITE_FREE,   /* a live row becomes a tombstone of the generation to come */
	WRITE_HIDDEN, /* a row of nano_core's own, without a table: zeroes if never written */
};

struct txn_read {
	struct ths_slot *slot;
	uintptr_t seen; /* the word without flags */
};

struct txn_write {
	struct ths_slot *slot;
	struct ths_version *old;  /* what the slot held */
	struct ths_version *copy; /* what it will hold */
	struct ths_table *table;
	uint32_t row;
	uint8_t waiters; /* commit saw WAITERS */
	uint8_t appears; /* commit saw the row come or go, and somebody wait for that */
	uint16_t under;  /* 1 + index of the entry this one overlays (an outer level's) */
	uint64_t key; /* of a row that is new */
	uint64_t unused[2]; /* 64 bytes: gate.S shifts */
};

enum effect_kind { EFFECT_TASK_START, EFFECT_TASK_KILL, EFFECT_KICK, EFFECT_ROLLBACK };

struct txn_effect {
	uint32_t kind; /* enum effect_kind */
	uint32_t arg;  /* a task's slot; an operation */
	uint64_t data; /* a generation; an instance */
};

enum txn_special {
	SPECIAL = 1,       /* rows come or go, keyed or hidden ones are written */
	SPECIAL_KEYED = 2, /* rows that have a key are written: it is to be the same */
};

enum txn_flags {
	TXN_DEVICE = 1,  /* a device operation: snapshot reads, never run twice */
	TXN_PUBLISH = 2, /* nano_core's own: may write bindings and any table */
	TXN_READ = 4,    /* something was read that has to be validated */
	TXN_EFFECTS = 8, /* there are effects, or were */
	TXN_CONVERTED = 16, /* levels may differ in the schema they write */
	TXN_ADOPT = 32, /* a module adopts rows; commits of others are held off */
};

/*
 * One per CPU, empty at depth 0. The first fields are one word, so that the gate sees by
 * one test of flags and writes that an interaction needs no commit, and by a test of the
 * rest that its commit is a common one.
 */
struct ths_txn {
	union {
		struct {
			uint16_t flags, writes, effects;
			uint8_t special; /* enum txn_special; gate.S commits only without */
			bool wakes; /* commit saw somebody who waits */
		};
		uint64_t dirty;
	};
	uint64_t clock;  /* reads are of this moment; at rest the last there is, for gate.S
		leaves it where nobody else commits */
	/* Where the next read is noted, and where the quick way has to stop: at the end, or
	 * at once when there is more to think of (writes of our own, a device operation, a
	 * spent budget). */
	struct txn_read *read_next, *read_limit, *read_first;
	struct txn_read *read_end;
	uint64_t filter; /* Bloom filter of the slots written */
	uint16_t writes_limit; /* WRITES_MAX; 0 where nothing is quick. gate.S knows all above */
	uint16_t overlays;     /* writes that overlay an outer level's */
	uint32_t savepoint;    /* first write of the present level */
	struct txn_write write[WRITES_MAX];
	struct txn_read read[READS_MAX];
	struct txn_effect effect[EFFECTS_MAX];
	struct ths_version *converted; /* rows in the schema of their readers; to be given
		back at the end. Their `commit` is the address of what they were made of */
};

THS_INLINE unsigned txn_reads(const struct ths_txn *txn)
{
	return (unsigned)(txn->read_next - txn->read);
}

THS_INLINE void txn_note_read(struct ths_txn *txn, struct ths_slot *slot, uintptr_t seen)
{
	txn->read_next->slot = slot;
	txn->read_next->seen = seen;
	txn->read_next++;
	txn->flags |= TXN_READ;
}

struct txn_mark {
	uint16_t writes, effects;
	uint32_t savepoint;
};

/* How an interaction that cannot go on leaves: values for ths_arch_unwind(), beside
 * enum ths_err (which is <= 0). Modules never see them (W4). */
enum txn_outcome {
	OUTCOME_CONFLICT = 1, /* run again */
	OUTCOME_REFILL = 2,   /* a pool is empty: refill at depth 0, run again */
	OUTCOME_STACK = 3,    /* no stack in reserve: make one at depth 0, run again */
	OUTCOME_FAULT = 5,    /* a fault further in: see to it at depth 0, run again */
};

/* Of the largest row of that size class: 8, 32, 64, 128 … 4096. */
THS_INLINE uint32_t ths_pool_bytes(unsigned pool)
{
	return 16u << pool >> (pool == 0);
}
/* pool.c */
struct ths_version *ths_pool_take(struct ths_cpu *cpu, unsigned pool);
void ths_pool_give(struct ths_cpu *cpu, struct ths_version *version);
void ths_pool_retire(struct ths_cpu *cpu, struct ths_version *version);
void ths_pool_reclaim(struct ths_cpu *cpu);
/* Depth 0: makes the pool that was found empty useful again. */
THS_MUST_CHECK enum ths_err ths_pool_refill(struct ths_cpu *cpu, unsigned pool);
/* Depth 0, without a lock: gives the pages back whose versions are all free. */
void ths_pool_shrink(struct ths_cpu *cpu);
unsigned ths_pool_of(uint32_t size);
/* Every CPU but @cpu has passed depth 0 since @mark was taken. */
struct quiet_mark {
	uint64_t activity[THS_CPU_MAX];
};
void ths_quiet_mark(struct quiet_mark *mark);
bool ths_quiet_passed(const struct quiet_mark *mark, unsigned self);
bool ths_quiet_hold(struct ths_cpu *cpu);
void ths_quiet_release(struct ths_cpu *cpu, bool interrupts);

/* txn.c */
void ths_txn_begin(struct ths_cpu *cpu, unsigned flags);
THS_MUST_CHECK enum ths_err ths_txn_read(struct ths_cpu *cpu, struct ths_slot *slot,
					 const struct ths_version **out);
THS_MUST_CHECK enum ths_err ths_txn_write(struct ths_cpu *cpu, struct ths_table *table,
					  struct ths_slot *slot, enum write_kind kind,
					  unsigned pool, struct ths_version **out);
/* A tombstone becomes a live row of zeroes. */
struct ths_version *ths_txn_write_new(struct ths_cpu *cpu, struct ths_table *table,
				      struct ths_slot *slot, unsigned pool,
				      struct ths_version *tombstone);
THS_MUST_CHECK enum ths_err ths_txn_write_hidden(struct ths_cpu *cpu, struct ths_slot *slot,
						 unsigned pool, struct ths_version **out);
/* Makes a counting slot part of the read set. */
THS_MUST_CHECK enum ths_err ths_txn_count(struct ths_cpu *cpu, struct ths_slot *slot);
/* A read that is not made part of the read set: something else vouches for it. */
THS_MUST_CHECK enum ths_err ths_txn_peek(struct ths_cpu *cpu, struct ths_slot *slot,
					 const struct ths_version **out);
/* What the row is called that holds @present, whatever we have written to it. */
uint64_t ths_txn_key(struct ths_txn *txn, const struct ths_slot *slot,
		     const struct ths_version *present);
void ths_txn_mark(const struct ths_txn *txn, struct txn_mark *mark);
void ths_txn_keep_reads(struct ths_cpu *cpu, const struct txn_mark *mark);
void ths_txn_rollback(struct ths_cpu *cpu, const struct txn_mark *mark);
void ths_txn_merge(struct ths_cpu *cpu, const struct txn_mark *mark);
void ths_txn_abandon(struct ths_cpu *cpu); /* all it wrote, and was made for its readers */
void ths_txn_drop(struct ths_cpu *cpu);
void ths_txn_init(struct ths_txn *txn);
void ths_txn_clear(struct ths_txn *txn);
THS_NORETURN void ths_txn_unwind(struct ths_cpu *cpu, enum txn_outcome outcome);
/* commit.c */
/* False: conflict, and everything is dropped. True: installed; write[].waiters set. */
THS_MUST_CHECK bool ths_txn_commit(struct ths_cpu *cpu);
/* Before a commit where txn->special: no row written got another key; what was converted for
 * readers goes. */
THS_MUST_CHECK bool ths_txn_special_holds(struct ths_cpu *cpu);
THS_MUST_CHECK bool ths_txn_validate(struct ths_txn *txn);
/* ths_txn_commit() where there is one CPU and something was written. */
void ths_txn_commit_alone(struct ths_cpu *cpu);

/* table.c */
#define QUICK_BYTES_MAX 256u
/* What a declaration comes to. */
THS_INLINE uint32_t ths_declared_rows(const struct ths_table_decl *decl)
{
	if (decl->rows)
		return decl->rows;
	return decl->flags & THS_PER_CPU ? THS_CPU_MAX : 1;
}
THS_INLINE uint32_t ths_declared_flags(const struct ths_table_decl *decl)
{
	bool fixed = (decl->flags & THS_PER_CPU) || ths_declared_rows(decl) == 1;

	return decl->flags | (fixed ? THS_FIXED : 0);
}
void ths_table_set_size(struct ths_table *table, uint32_t row_size);
uint16_t ths_schema_number(const char *schema); /* behind the slash; 0: malformed */
/* Bytes of a row in that schema; 0: the table has nothing to do with it. */
uint32_t ths_table_size_in(const struct ths_table *table, uint16_t schema);
THS_INLINE bool ths_table_in_step(const struct ths_table *table)
{
	return atomic_load_explicit(&((struct ths_table *)(uintptr_t)table)->step.bearer,
				    memory_order_acquire) != NULL;
}
THS_MUST_CHECK enum ths_err ths_table_open(const struct ths_table_decl *decl,
					   const char *instance, struct ths_table **out,
					   bool *made);
void ths_table_close(struct ths_table *table);
void ths_table_bar(struct ths_table *table); /* from the quick ways, if there is reason */
void ths_table_wipe(struct ths_table *table);
THS_MUST_CHECK enum ths_err ths_table_take_row(struct ths_cpu *cpu,
					       struct ths_table *table, uint32_t *row,
					       struct ths_version **tombstone);
/* Whether somebody waits for that. */
THS_MUST_CHECK bool ths_table_give_row(struct ths_table *table, uint32_t row,
				       struct ths_version *tombstone);
/* One that was to be new and is not; inside the interaction that took it. */
void ths_table_give_back(struct ths_cpu *cpu, struct ths_table *table, uint32_t row,
			 struct ths_version *tombstone);
void ths_table_lock(struct ths_table *table); /* of its free rows */
void ths_table_unlock(struct ths_table *table);
void ths_table_recount(struct ths_table *table, uint32_t rows);
struct ths_table *ths_table_find(const char *schema, const char *instance);
/* replace.c: what a table is to hold instead */
struct ths_replace {
	struct ths_table *table;
	uint32_t rows;   /* slots that get what ths_replace_add() made */
	uint32_t room;   /* slots there is a version for: those beyond @rows die */
	struct ths_version **row;    /* afterwards: what it held before */
	struct ths_version **bucket; /* keyed tables; likewise */
};
THS_MUST_CHECK enum ths_err ths_replace_begin(struct ths_replace *replace,
					      struct ths_table *table, uint32_t rows);
/* The next row; @generation of its life. *@data: zeroed; NULL where it is not @live. */
THS_MUST_CHECK enum ths_err ths_replace_add(struct ths_replace *replace,
					    uint32_t generation, bool live, void **data);
/* All rows are there and filled in. THS_E_EXIST: two have the same key. */
THS_MUST_CHECK enum ths_err ths_replace_index(struct ths_replace *replace);
/* All tables at once. THS_E_BUSY: rows appeared too fast; nothing has changed. */
THS_MUST_CHECK enum ths_err ths_replace_commit(struct ths_replace *replace, uint32_t count);
/* Whether it was committed or not. */
void ths_replace_end(struct ths_replace *replace);
/* index.c */
THS_MUST_CHECK enum ths_err ths_index_find(struct ths_cpu *cpu, struct ths_table *table,
					   uint64_t key, uint32_t *row,
					   const struct ths_version **out);
THS_MUST_CHECK enum ths_err ths_index_add(struct ths_cpu *cpu, struct ths_table *table,
					  uint64_t key, uint32_t row);
THS_MUST_CHECK enum ths_err ths_index_remove(struct ths_cpu *cpu,
					     struct ths_table *table, uint64_t key,
					     uint32_t row);
/* convert.c: rows in another schema than the one they stand in */
THS_MUST_CHECK enum ths_err ths_convert_read(struct ths_cpu *cpu, struct ths_table *table,
					     const struct ths_version *from, uint16_t schema,
					     const struct ths_version **out);
/* @*version is the copy of a write; replaced by one in @schema. */
THS_MUST_CHECK enum ths_err ths_convert_write(struct ths_cpu *cpu, struct ths_table *table,
					      uint16_t schema,
					      struct ths_version **version);
/* Overlays of the level that ends become of the schema of what they overlay. */
THS_MUST_CHECK enum ths_err ths_convert_overlays(struct ths_cpu *cpu,
						 const struct txn_mark *mark);
/* A row where it stands, for the sweeper: into the table's schema and size class, if it is
 * not of these. Once a row and interaction, which writes nothing else. */
THS_MUST_CHECK enum ths_err ths_convert_row(struct ths_cpu *cpu, struct ths_table *table,
					    uint32_t row);
void ths_convert_end(struct ths_cpu *cpu); /* gives copies back: nobody reads any more */
void ths_convert_commit(const struct ths_txn *txn); /* its writes are installed next */
/* row.c: the same as row.h's, on a table at hand */
THS_MUST_CHECK enum ths_err ths_table_read(struct ths_cpu *cpu, struct ths_table *table,
					   uint32_t row, const struct ths_version **out);
THS_MUST_CHECK enum ths_err ths_table_write(struct ths_cpu *cpu, struct ths_table *table,
					    uint32_t row, struct ths_version **out);
THS_MUST_CHECK enum ths_err ths_table_new(struct ths_cpu *cpu, struct ths_table *table,
					  uint64_t key, uint32_t *row,
					  struct ths_version **out);
THS_MUST_CHECK enum ths_err ths_table_free(struct ths_cpu *cpu, struct ths_table *table,
					   uint32_t row);
THS_MUST_CHECK enum ths_err ths_table_next(struct ths_cpu *cpu, struct ths_table *table,
					   uint32_t *row);
/* share.c: who owns a joint row; clients are context slots */
THS_MUST_CHECK enum ths_err ths_share_init(void);
THS_MUST_CHECK enum ths_err ths_share_add(struct ths_cpu *cpu, struct ths_table *table,
					  uint32_t row, uint32_t generation);
THS_MUST_CHECK enum ths_err ths_share_remove(struct ths_cpu *cpu,
					     struct ths_table *table, uint32_t row,
					     uint32_t client);
THS_MUST_CHECK enum ths_err ths_share_remove_all(struct ths_cpu *cpu,
						 struct ths_table *table, uint32_t row);
/* Of a row that is removed, however many there are. */
bool ths_share_has_orphans(void);
THS_MUST_CHECK enum ths_err ths_share_reap_orphan(struct ths_cpu *cpu, void *unused);
/* Whether the client, which is dead, has any; context: depth 0. */
bool ths_share_has_any(uint32_t client);
/* One of the client's shares goes; THS_E_NOENT: it has none. */
THS_MUST_CHECK enum ths_err ths_share_reap_one(struct ths_cpu *cpu, uint32_t client,
					       bool *asked);
/* quota.c */
THS_MUST_CHECK enum ths_err ths_quota_limit(struct ths_cpu *cpu, uint32_t client,
					    uint32_t generation, uint32_t limit);
THS_MUST_CHECK enum ths_err ths_quota_inherit(struct ths_cpu *cpu, uint32_t slot);
/* The client after @client->client, for looking at. false: there is none. */
struct module_client;
bool ths_quota_next(struct module_client *client);
/* The share after @share->share, for looking at. false: there is none. */
struct module_share;
bool ths_share_next(struct module_share *share);
/* row.c: ths_row_find_(), where quick_find() has not found it */
THS_MUST_CHECK enum ths_err ths_row_find_slowly(unsigned table, uint64_t key,
						uint32_t *row, const void **out);
/* save.c, restore.c: in the loader's turn */
void ths_save_key_id(uint8_t id[16], const uint8_t *key);
THS_MUST_CHECK enum ths_err ths_save_image(ths_save_sink *sink, void *ctx,
					   const uint8_t key[THS_SAVE_KEY]);
THS_MUST_CHECK enum ths_err ths_restore_image(ths_save_source *source, void *ctx,
					      const uint8_t key[THS_SAVE_KEY],
					      struct ths_reason *reason);

/* ---- what others call ------------------------------------------------------------- */

/* One of each copy of state_db: nano_core/db.c. */
struct ths_db_ops {
#define DB_ENTRY(type, name, params, args) type(*name) params;
#include "state_db/entries.def"
};
extern const struct ths_db_ops ths_state_db_ops;
