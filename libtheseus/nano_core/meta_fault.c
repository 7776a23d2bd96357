/*
 * meta_fault - a metamodule that faults on its probation is taken back, state_db too.
 *
 * Everybody calls state_db, for everybody's interactions; so whose fault it was the code
 * says that was interrupted, and not the call. The interaction is dropped, by the copy of
 * state_db it began with; then, at depth 0, the cascade lets who served before serve again,
 * moves the state back if it is laid out otherwise, and the interaction is run again.
 *
 * Rows are safe from that as long as all that was done lies in the interaction's own record:
 * looking up, reading, writing copies, making and freeing rows. What is done to rows
 * themselves - to commit, to drop, to hand a row out under the lock of its table - is done
 * word by word, and who stops half-way leaves it so. A fault there stops the machine, by
 * name (I6): nothing could be said of the rows.
 *
 * An overrun is noticed where state_db is called next (txn.c). Who is not out of one call
 * after twice the budget is ended here, under the same conditions; elsewhere it goes on,
 * since it may be waiting for others.
 *
 * Invariants
 *   F1  An interaction is ended here only while its outermost frame stands, outside of
 *       locks, and with a record that owns each of its copies once.
 *   F2  A fault that was ended here leads to the way back, now or with the next sweep.
 *
 * What is lost with each fault is at most one version and one row of a table, taken from
 * their lists and not noted yet. A module's wild pointer that state_db is given faults in
 * state_db's code: during a probation that takes it back, and faults again.
 */
#include "nano_core/nano_core_impl.h"
#include "nano_core/swap_impl.h"

struct ths_instance *ths_meta_on_probation(uint64_t pc)
{
	for (unsigned i = 1; i < ths_instances(); i++) {
		struct ths_instance *instance = &ths_core.instance[i];

		if (instance->block && instance->before &&
		    pc - instance->text < instance->text_size)
			return instance;
	}
	return NULL;
}

static bool is_free(const struct ths_cpu *cpu, const struct ths_version *copy)
{
	const struct ths_version *version = cpu->pool[copy->pool];

	while (version && version != copy)
		version = version->older;
	return version != NULL;
}

/* What drops the transaction gives back each copy it names. */
static bool is_whole(const struct ths_cpu *cpu)
{
	const struct ths_txn *txn = &cpu->txn;

	if (txn->writes > WRITES_MAX)
		return false;
	for (unsigned i = 0; i < txn->writes; i++) {
		const struct ths_version *copy = txn->write[i].copy;

		if (!copy || copy->pool >= POOLS || is_free(cpu, copy))
			return false;
		for (unsigned k = 0; k < i; k++)
			if (txn->write[k].copy == copy)
				return false;
	}
	return true;
}

const char *ths_meta_why_not(const struct ths_cpu *cpu)
{
	if (!ths_cpu_is_inside(cpu))
		return "outside of interactions";
	if (cpu->unframed)
		return "where an interaction begins, commits or is dropped";
	if (cpu->locks)
		return "under a lock";
	return is_whole(cpu) ? NULL : "half-way through a write";
}

void ths_meta_fault(struct ths_cpu *cpu, struct ths_instance *meta, enum ths_err err,
		    uint64_t pc, uint64_t addr)
{
	if (ths_meta_why_not(cpu))
		return;
	ths_fault_note_of(cpu, meta, err, pc, addr);
	if (!ths_fault_may_be_mended(cpu)) /* not by this interaction */
		ths_probation_condemn(meta);
	ths_txn_unwind(cpu, OUTCOME_FAULT);
}
