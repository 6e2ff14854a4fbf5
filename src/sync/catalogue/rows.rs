//! The rows of the catalogue, in its order: stock and money; retry, idempotency and outbox; ordering and identity; pull and
//! cursors; conflicts and time; then what the stories add.

use super::{Canary, planted};

/// Every canary.
pub static CANARIES: &[Canary] = &[
    planted(
        "B01-unchecked-delta",
        "two devices sell the same last unit, and the server applies the deltas unchecked",
        ("validation", "none"),
        "stock-never-negative",
    )
    .size(2, 6, 0),
    planted(
        "B02-movement-applied-twice",
        "one sale's delta is applied twice by a retry",
        ("key-covers", "sales"),
        "stock-never-negative",
    )
    .uncovered_by(&[("validation", "none")])
    .size(1, 6, 0),
    planted(
        "B03-read-then-write",
        "the stock is read, and written in a later statement",
        ("validation", "read-then-write"),
        "stock-conserved",
    )
    .size(2, 8, 0)
    .recommended(),
    planted(
        "B04-movements-apart",
        "the sale is made in one transaction and its movements are refused in the next",
        ("atomicity", "sale-then-moves"),
        "op-all-or-nothing",
    )
    .size(2, 6, 0)
    .recommended(),
    planted(
        "B05-line-by-line",
        "the first line of a sale is taken, the second refused",
        ("atomicity", "line"),
        "op-all-or-nothing",
    )
    .size(1, 8, 0)
    .recommended(),
    planted(
        "B06-validation-before-key",
        "a retry is refused by its own first copy",
        ("checks", "validation-first"),
        "verdict-stable",
    )
    .size(1, 7, 0)
    .recommended(),
    planted(
        "B07-receipt-after-time-out",
        "the receipt says synced when the race against five seconds is lost",
        ("receipt", "after-sync"),
        "status-truthful",
    )
    .size(1, 5, 0)
    .recommended(),
    planted(
        "B08-error-of-another",
        "any stock error in the batch takes the current sale back",
        ("rollback-on", "any-error-in-batch"),
        "status-truthful",
    )
    .size(1, 8, 0)
    .recommended(),
    planted(
        "B09-add-back",
        "a rollback adds to a stock that a pull has already overwritten",
        ("rollback-stock", "add-back"),
        "stock-conserved",
    )
    .uncovered_by(&[("merge", "overwrite")])
    .size(2, 8, 0)
    .recommended(),
    planted(
        "B10-ghost-movement",
        "a rollback leaves the queue item and the movement",
        ("rollback-scope", "sale-and-lines"),
        "op-all-or-nothing",
    )
    .size(1, 5, 0)
    .recommended(),
    planted(
        "B12-pull-overwrites",
        "a pull overwrites locally reduced stock",
        ("merge", "overwrite"),
        "own-writes-stay",
    )
    .size(1, 2, 0),
    planted(
        "B13-additive-movements",
        "a device's own echoed movement counts twice",
        ("movements", "additive"),
        "stock-conserved",
    )
    .size(1, 4, 0)
    .longer("counted twice, an own movement reads as an own op that is missing; a unit out of nothing needs another device's"),
    planted(
        "B14-stock-and-movement",
        "the absolute stock and the movement are both synced",
        ("stock-from", "both"),
        "stock-conserved",
    )
    .size(1, 4, 0),
    planted(
        "B15-last-write-on-quantity",
        "the last written quantity wins over two sales",
        ("stock-from", "product-rows"),
        "stock-conserved",
    )
    .size(2, 4, 0),
    planted(
        "B16-stale-price",
        "a sale sends its product row with a stale price",
        ("product-row", "without-stock"),
        "conflicts-decided",
    )
    .size(2, 5, 0),
    planted("B17-batches-untouched", "sales do not reduce batches", ("allocation", "none"), "stock-conserved")
        .size(1, 1, 0),
    planted("B18-natural-key", "two deliveries of one lot are merged into one row", ("batches", "rows"), "no-op-lost")
        .size(2, 4, 0),
    planted("B20-offline-credit", "a balance is spent on two tills", ("validates", "stock"), "stock-never-negative")
        .size(2, 4, 0),
    planted(
        "B22-receipt-numbers",
        "receipt numbers come from a local sequence",
        ("numbers", "local-sequence"),
        "numbers-unique",
    )
    .size(2, 2, 0)
    .longer("the promise is about the server, so both sales have to be sent and arrive"),
    planted(
        "B24-no-idempotency",
        "an answer is late, the client sends again, the server creates again",
        ("idempotency", "none"),
        "one-effect-per-op",
    )
    .size(1, 6, 0),
    planted(
        "B25-check-then-store-key",
        "check, create and store-key are three statements",
        ("idempotency", "check-then-store"),
        "one-effect-per-op",
    )
    .size(1, 8, 0)
    .recommended(),
    planted(
        "B26-key-after-create",
        "the server dies between the effect and its key",
        ("idempotency", "key-after"),
        "one-effect-per-op",
    )
    .size(1, 6, 1)
    .with_fault()
    .recommended(),
    planted(
        "B27-key-covers-sale",
        "the key covers the sale but not its movement",
        ("key-covers", "sales"),
        "one-effect-per-op",
    )
    .size(1, 6, 0)
    .recommended(),
    planted("B28-key-expires", "a device is offline longer than a key lives", ("key-life", "24"), "one-effect-per-op")
        .size(1, 7, 1)
        .with_fault()
        .recommended(),
    planted("B32-stuck-syncing", "the app dies while an item is marked SYNCING", ("restart", "leave"), "no-op-lost")
        .size(1, 5, 1)
        .with_fault(),
    planted(
        "B33-three-retries",
        "an outage of seven seconds uses up three retries",
        ("counts-as-failure", "any-failure"),
        "no-op-lost",
    )
    .uncovered_by(&[("retries", "3"), ("exhausted", "final")])
    .size(1, 10, 3)
    .with_fault(),
    planted(
        "B34-failed-means-both",
        "FAILED means both will retry and gave up",
        ("failed-state", "given-up"),
        "retries-bounded",
    )
    .size(1, 8, 0),
    planted(
        "B35-poison-batch",
        "one refused op rolls back the whole batch for ever",
        ("atomicity", "batch"),
        "outbox-drains",
    )
    .in_base("paytrack-sound")
    .size(1, 8, 0),
    planted(
        "B36-skip-with-log",
        "a validation error is skipped with a log line",
        ("on-rejection", "skips-with-log"),
        "no-op-lost",
    )
    .in_base("smartdmv-sound")
    .size(1, 2, 0),
    planted(
        "B38-dequeue-before-send",
        "the item leaves the queue before the call",
        ("dequeue", "before-send"),
        "no-op-lost",
    )
    .size(1, 3, 1)
    .with_fault(),
    planted(
        "B39-two-local-transactions",
        "the app dies between the row and its queue item",
        ("local-write", "separate"),
        "no-op-lost",
    )
    .size(1, 2, 1)
    .with_fault(),
    planted(
        "B40-marks-the-batch",
        "everything in the batch is marked synced whatever the answer says",
        ("marking", "by-batch"),
        "status-truthful",
    )
    .size(1, 4, 0),
    planted("B42-two-drains", "two drains run at once", ("drains", "overlapping"), "one-effect-per-op")
        .uncovered_by(&[("idempotency", "by-request")])
        .size(1, 4, 0),
    planted(
        "B44-new-op-on-fallback",
        "an ambiguous failure queues the op again under a new id",
        ("key-made", "each-attempt"),
        "one-effect-per-op",
    )
    .in_base("paytrack-sound")
    .size(1, 4, 0),
    planted(
        "B46-never-resumes",
        "uploads never resume after a partition",
        ("reconnect", "stays-paused"),
        "outbox-drains",
    )
    .size(1, 8, 1)
    .with_fault(),
    planted(
        "B49-other-user",
        "the queue replays under the identity of the next user",
        ("owner", "session"),
        "scope-kept",
    )
    .in_base("smartdmv-sound")
    .size(1, 4, 0),
    planted("B50-upgrade-drops-queue", "an app update drops the queue", ("schema", "drops-queue"), "no-op-lost")
        .size(1, 3, 1)
        .with_fault(),
    planted(
        "B52-update-before-create",
        "updates are sent before creates",
        ("order", "updates-first"),
        "references-resolve",
    )
    .size(1, 3, 0),
    planted(
        "B53-sales-before-products",
        "sales are pushed before the products that they name",
        ("types", "sales-first"),
        "references-resolve",
    )
    .uncovered_by(&[("order", "by-type")])
    .size(1, 3, 0),
    planted(
        "B54-global-creates-first",
        "a later create is sent before an earlier update or deletion",
        ("order", "creates-first"),
        "own-writes-stay",
    )
    .size(1, 3, 0)
    .longer("the second link is lost only where the first and the unlinking were pushed before")
    .recommended(),
    planted("B55-device-clock-order", "a clock set back reorders edits", ("order", "device-clock"), "own-writes-stay")
        .size(1, 3, 1)
    .longer("the second link is lost only where the first and the unlinking were pushed before")
        .with_fault(),
    planted(
        "B56-mapping-in-memory",
        "the server's identity is forgotten at the next restart",
        ("mapping", "in-memory"),
        "references-resolve",
    )
    .in_base("smartdmv-sound")
    .size(1, 6, 1)
    .with_fault(),
    planted(
        "B57-dependant-in-flight",
        "a dependent op is in flight when its parent gets its identity",
        ("mapped-by", "device"),
        "references-resolve",
    )
    .in_base("smartdmv-sound")
    .size(1, 5, 0),
    planted(
        "B58-recreated",
        "an answer is lost and the row is made under a second identity",
        ("idempotency", "none"),
        "one-effect-per-op",
    )
    .in_base("smartdmv-sound")
    .size(1, 6, 1)
    .with_fault(),
    planted("B59-local-op-ids", "two devices give their ops the same identity", ("op-ids", "counter"), "no-op-lost")
        .in_base("smartdmv-sound")
        .size(2, 2, 0),
    planted(
        "B60-millisecond-ids",
        "two rows made in one millisecond share a temporary identity",
        ("temp-ids", "milliseconds"),
        "numbers-unique",
    )
    .in_base("smartdmv-sound")
    .size(1, 2, 0),
    planted("B61-orphans", "children of a rejected parent are sent", ("cascade", "sends-anyway"), "references-resolve")
        .in_base("smartdmv-sound")
        .on("clinic")
        .size(1, 3, 0)
    .longer("a parent is rejected for a taken slot, and the other appointment needs a device and a push of its own"),
    planted(
        "B62-conflict-with-itself",
        "a second edit names the base of the first",
        ("edit-base", "last-acked"),
        "conflicts-are-real",
    )
    .in_base("paytrack-sound")
    .size(1, 5, 0),
    planted(
        "B63-version-before-key",
        "a retry conflicts with its own first copy",
        ("checks", "version-first"),
        "conflicts-are-real",
    )
    .in_base("paytrack-sound")
    .size(1, 6, 0),
    planted(
        "B65-coalescing",
        "a queued deletion followed by an edit becomes an edit",
        ("coalesce", "last-wins"),
        "deleted-stays-deleted",
    )
    .in_base("smartdmv-sound")
    .on("clinic")
    .size(1, 3, 0),
    planted(
        "B69-stamped-before-commit",
        "a change stamped before but committed after a read is skipped",
        ("cursor", "at-start"),
        "pull-misses-nothing",
    )
    .in_base("smartdmv-sound")
    .size(2, 5, 0),
    planted(
        "B70-page-edge",
        "rows with equal stamps at a page edge are skipped",
        ("page-edge", "skips"),
        "pull-misses-nothing",
    )
    .size(1, 8, 0),
    planted(
        "B72-cursor-first",
        "the cursor moves with the first page",
        ("cursor-moves", "to-the-end-at-once"),
        "pull-misses-nothing",
    )
    .in_base("smartdmv-sound")
    .uncovered_by(&[("page", "5")])
    .size(1, 3, 1)
    .with_fault(),
    planted(
        "B74-shared-cursor",
        "a filtered pull moves the cursor of everything",
        ("filtered-pull", "shared-cursor"),
        "pull-misses-nothing",
    )
    .in_base("smartdmv-sound")
    .size(1, 3, 0),
    planted(
        "B78-trusts-its-marks",
        "the server is restored from a backup, and the devices believe that what they had uploaded is there",
        ("after-restore", "trusts-its-marks"),
        "no-op-lost",
    )
    .size(1, 4, 1)
    .with_fault(),
    planted("B79-pull-with-pending", "an idle device never pulls", ("pull-when", "with-pending"), "replicas-converge")
        .in_base("smartdmv-sound")
        .size(2, 4, 0),
    planted(
        "B80-one-way-table",
        "a table is pushed but never pulled",
        ("tables", "all-but-the-last"),
        "replicas-converge",
    )
    .size(1, 3, 0),
    planted(
        "B81-lines-dropped",
        "the first download drops the lines of sales",
        ("initial-lines", "dropped"),
        "references-resolve",
    )
    .size(1, 1, 0)
    .longer("lines that a device made itself stay there, so they have to be another's"),
    planted(
        "B82-created-overwritten",
        "an update overwrites createdAt",
        ("created", "overwritten"),
        "frozen-fields-frozen",
    )
    .size(1, 2, 0),
    planted(
        "B85-up-to-date-too-early",
        "the user is told up to date after a partial download",
        ("up-to-date", "after-any-page"),
        "status-truthful",
    )
    .size(2, 8, 0),
    planted(
        "B87-edit-time",
        "a conflict is looked for by edit time, not by what the author saw",
        ("detection", "edit-time"),
        "conflicts-decided",
    )
    .in_base("smartdmv-sound")
    .size(2, 4, 0),
    planted(
        "B88-two-clock-domains",
        "updatedAt is edit time on one side and commit time on the other",
        ("edits", "last-write"),
        "conflicts-decided",
    )
    .size(2, 5, 0),
    planted(
        "B89-fast-clock-wins",
        "the last write by a fast clock wins for ever",
        ("clock", "wall"),
        "clock-irrelevant",
    )
    .size(2, 4, 1)
    .with_fault(),
    planted(
        "B90-far-future",
        "one far-future stamp enters the shared clock and blocks every device",
        ("clock", "shared"),
        "outbox-drains",
    )
    .size(2, 2, 1)
    .with_fault(),
    planted("B91-tie", "on equal stamps each side keeps its own", ("tie", "each-keeps-own"), "replicas-converge")
        .size(2, 4, 0),
    planted("B92-dropped-but-ok", "an edit that lost is answered with ok", ("loser", "says-ok"), "status-truthful")
        .in_base("paytrack-sound")
        .size(2, 3, 0),
    planted(
        "B93-version-check-apart",
        "the version is checked in one statement and written in the next",
        ("version-check", "before"),
        "conflicts-decided",
    )
    .on("clinic")
    .size(2, 4, 0)
    .longer("each of the two pushes is sent, arrives and is taken in two transactions"),
    planted(
        "B94-missing-is-addition",
        "a merge takes what is missing for an addition",
        ("missing-field", "addition"),
        "deleted-stays-deleted",
    )
    .in_base("smartdmv-sound")
    .on("clinic")
    .uncovered_by(&[("resolution", "three-way-merge")])
    .size(2, 4, 0),
    planted(
        "B95-two-way-merge",
        "a merge without a base sends disjoint edits to a human",
        ("resolution", "two-way-merge"),
        "conflicts-are-real",
    )
    .in_base("smartdmv-sound")
    .on("clinic")
    .size(2, 4, 0),
    planted(
        "B96-old-base",
        "an edit that lost is sent again with its old base for ever",
        ("resolution", "client-wins-old-base"),
        "outbox-drains",
    )
    .in_base("smartdmv-sound")
    .size(2, 6, 0),
    planted(
        "B97-priority-jumps",
        "a re-queued op overtakes what it depends on",
        ("requeue", "jumps"),
        "references-resolve",
    )
    .in_base("smartdmv-sound")
    .on("clinic")
    .uncovered_by(&[("resolution", "client-wins"), ("batch", "1")])
    .size(1, 4, 0)
    .longer("an edit is queued again only after a conflict, which needs the other device's edit"),
    planted("B98-own-strategy", "each device picks its own strategy", ("strategy", "per-device"), "replicas-converge")
        .in_base("smartdmv-sound")
        .size(2, 6, 0),
    planted(
        "B99-recreates",
        "an offline edit makes a deleted row again",
        ("on-deleted", "recreates"),
        "deleted-stays-deleted",
    )
    .in_base("smartdmv-sound")
    .on("clinic")
    .size(2, 4, 0),
    planted(
        "B100-tombstone-purged",
        "a tombstone is gone before a long-offline device returns",
        ("deletion", "purged"),
        "deleted-stays-deleted",
    )
    .in_base("smartdmv-sound")
    .on("clinic")
    .size(2, 5, 1)
    .with_fault(),
    planted(
        "B102-reimported-after-restore",
        "after a restore the devices import what they hold under new row ids and keys",
        ("after-restore", "reimports"),
        "one-effect-per-op",
    )
    .size(2, 4, 1)
    .longer("the row has to be taken before the restore and sent again after it")
    .with_fault(),
    planted(
        "C01-sales-validated-only",
        "only movements of type SALE are validated",
        ("validates", "sales"),
        "stock-never-negative",
    ),
    planted("C02-sales-keyed-only", "idempotency guards sales only", ("key-covers", "sale-ops"), "one-effect-per-op"),
    planted(
        "C03-debounce-for-ever",
        "every edit puts the sync off again",
        ("after-edit", "debounced-only"),
        "outbox-drains",
    )
    .uncovered_by(&[("debounce", "60000")]),
    planted(
        "C04-refresh-drops-outbox",
        "download everything again drops the outbox",
        ("refresh", "drops-outbox"),
        "no-op-lost",
    ),
    planted(
        "C05-local-id-on-server",
        "a local auto-increment id is read as the server's",
        ("temp-ids", "local-counter"),
        "references-resolve",
    )
    .in_base("smartdmv-sound"),
    planted(
        "C06-children-first",
        "the priority table puts parents after children",
        ("types", "twelve"),
        "references-resolve",
    )
    .uncovered_by(&[("order", "by-type")]),
    planted(
        "C07-lookup-then-insert",
        "two pushes look a natural key up and both insert",
        ("natural-key", "lookup-first"),
        "numbers-unique",
    ),
    planted("C08-first-line-moves", "a two-line sale moves one product", ("lines-move", "first"), "op-all-or-nothing"),
    planted(
        "C09-status-ignored",
        "an error answer marks everything synced",
        ("error-answer", "ignored"),
        "status-truthful",
    )
    .with_fault(),
    planted(
        "C10-two-reads",
        "what was queued between two reads is sent but not marked",
        ("drains", "two-reads"),
        "one-effect-per-op",
    )
    .uncovered_by(&[("idempotency", "by-request")]),
    planted(
        "C11-captive-portal",
        "the device waits for an online event that never comes",
        ("liveness", "online-event"),
        "outbox-drains",
    )
    .with_fault(),
    planted("C12-everything-refused", "every push is refused", ("validation", "refuses-all"), "rejections-justified"),
    planted(
        "C13-check-after-write",
        "the conflict is looked for after the change was applied",
        ("version-check", "after"),
        "conflicts-decided",
    ),
    planted(
        "C14-overwrite-and-mark",
        "a pull applies over pending edits and marks them synced",
        ("merge", "overwrite-and-mark"),
        "own-writes-stay",
    ),
    planted(
        "C15-top-level-failure",
        "a partly applied batch is answered with success: false",
        ("partial-failure", "top-level"),
        "one-effect-per-op",
    ),
    planted(
        "C16-missing-store",
        "a missing object store counts as an empty queue",
        ("lamp", "missing-store"),
        "status-truthful",
    )
    .with_fault(),
    planted(
        "C16b-cached-connection",
        "a pull is answered for the device that asked before",
        ("scope", "cached-connection"),
        "scope-kept",
    )
    .in_base("smartdmv-sound")
    .on("clinic"),
    planted("C17-pull-without-tenant", "a pull is not filtered by tenant", ("scope", "pulls-everything"), "scope-kept")
        .in_base("smartdmv-sound")
        .on("clinic"),
    planted("C17b-client-word", "the practice in the payload is believed", ("scope", "client-word"), "scope-kept")
        .in_base("smartdmv-sound")
        .on("clinic"),
    planted("C18-xor-delays", "2 ^ n is exclusive or: delays of 2, 3, 0, 1, 6", ("back-off", "xor"), "retries-bounded")
        .in_base("paytrack-sound")
        .with_fault(),
    planted("C19-damage-applied", "a damaged payload is applied", ("integrity", "none"), "damaged-never-applied")
        .with_fault(),
    planted(
        "C20-conflict-unlogged",
        "a conflict is decided without an entry in the log",
        ("audit", "without-conflicts"),
        "audit-complete",
    ),
    planted(
        "C21-newest-batch-first",
        "a sale takes from the newest batch",
        ("allocation", "newest"),
        "batches-first-expired-first-out",
    ),
    planted(
        "C22-given-up-sent-again",
        "an item that was given up is sent again for ever",
        ("exhausted", "picked-up"),
        "retries-bounded",
    )
    .uncovered_by(&[("retries", "3"), ("counts-as-failure", "any-failure")])
    .with_fault(),
];
