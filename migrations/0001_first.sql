-- The schema both engines share. BIGINT, DOUBLE PRECISION, BOOLEAN and TEXT only; money in micros, times in milliseconds since the Unix epoch
-- (`_at_ms` product clock, `_wall_ms` UTC, `lease.expires_ms` the database's own clock); JSON as TEXT that the owning room reads and writes.

CREATE TABLE meta (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

-- One row per workspace, account and pool; a deciding transaction bumps them first, in that order, and so waits for the one before it.
CREATE TABLE version (
    kind TEXT NOT NULL CHECK (kind IN ('workspace', 'account', 'pool')),
    id TEXT NOT NULL,
    version BIGINT NOT NULL CHECK (version > 0),
    PRIMARY KEY (kind, id)
);

-- A shard and the head of its chain. `seq` 0 and an empty head mean that the chain has no entry yet.
CREATE TABLE shard (
    id TEXT NOT NULL PRIMARY KEY,
    opened_at_ms BIGINT NOT NULL,
    closed_at_ms BIGINT,
    members TEXT NOT NULL,
    seq BIGINT NOT NULL DEFAULT 0 CHECK (seq >= 0),
    head TEXT NOT NULL DEFAULT ''
);

CREATE TABLE lease (
    shard TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    token BIGINT NOT NULL CHECK (token > 0),
    expires_ms BIGINT NOT NULL
);

-- Erasable content; its hash stays and keeps the chain whole.
CREATE TABLE body (
    hash TEXT NOT NULL PRIMARY KEY CHECK (LENGTH(hash) = 64),
    content TEXT
);

CREATE TABLE step (
    shard TEXT NOT NULL REFERENCES shard (id),
    seq BIGINT NOT NULL CHECK (seq > 0),
    subject TEXT,
    kind TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    wall_ms BIGINT NOT NULL,
    body_hash TEXT NOT NULL REFERENCES body (hash),
    prev_hash TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE CHECK (LENGTH(hash) = 64),
    PRIMARY KEY (shard, seq)
);
CREATE INDEX step_by_subject ON step (subject, seq);
CREATE INDEX step_by_time ON step (at_ms, seq);

CREATE TABLE change_set (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    title TEXT NOT NULL,
    made_by TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    wall_ms BIGINT NOT NULL,
    payload TEXT NOT NULL
);

CREATE TABLE decision (
    id TEXT NOT NULL PRIMARY KEY,
    shard TEXT NOT NULL,
    seq BIGINT NOT NULL,
    pool TEXT,
    round TEXT,
    change_set TEXT REFERENCES change_set (id),
    change_order BIGINT NOT NULL DEFAULT 0,
    account TEXT NOT NULL,
    entity TEXT,
    actor_kind TEXT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    direction TEXT NOT NULL CHECK (direction IN ('protective', 'neutral', 'growth')),
    undoes TEXT REFERENCES decision (id),
    body_hash TEXT NOT NULL REFERENCES body (hash),
    policy_hash TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    wall_ms BIGINT NOT NULL,
    UNIQUE (shard, seq),
    FOREIGN KEY (shard, seq) REFERENCES step (shard, seq)
);
CREATE INDEX decision_by_time ON decision (at_ms, seq, id);
CREATE INDEX decision_by_entity ON decision (entity, at_ms, seq);
CREATE INDEX decision_by_account ON decision (account, at_ms, seq);
CREATE INDEX decision_by_pool ON decision (pool, at_ms, seq);
CREATE INDEX decision_by_actor ON decision (actor, at_ms, seq);
CREATE INDEX decision_by_round ON decision (round);
CREATE INDEX decision_by_change_set ON decision (change_set, change_order);
CREATE INDEX decision_by_undoes ON decision (undoes);

-- Where each decision stands now; rebuilt from its steps at any time. `from_micros` and `to_micros` are set where committed money changes,
-- `entity` then being the budget; `changed_ms` is when a request for it was last dispatched, `due_ms` when somebody must look at it again.
CREATE TABLE decision_state (
    decision TEXT NOT NULL PRIMARY KEY REFERENCES decision (id),
    state TEXT NOT NULL CHECK (state IN ('proposed', 'withdrawn', 'denied', 'escalated', 'authorised', 'approved', 'rejected', 'expired',
        'dispatched', 'superseded', 'cancelled', 'applied', 'failed', 'unknown', 'scored', 'void')),
    attempt BIGINT NOT NULL DEFAULT 0 CHECK (attempt >= 0 AND attempt <= 3),
    account TEXT NOT NULL,
    entity TEXT,
    pool TEXT,
    actor_kind TEXT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    direction TEXT NOT NULL,
    from_micros BIGINT,
    to_micros BIGINT,
    stake_micros BIGINT,
    currency TEXT CHECK (LENGTH(currency) = 3),
    seq BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    since_ms BIGINT NOT NULL,
    changed_ms BIGINT,
    due_ms BIGINT,
    CHECK ((from_micros IS NULL) = (to_micros IS NULL)),
    CHECK (currency IS NOT NULL OR (to_micros IS NULL AND stake_micros IS NULL))
);
CREATE INDEX decision_state_by_account ON decision_state (account, state, at_ms, seq);
CREATE INDEX decision_state_by_pool ON decision_state (pool, state);
CREATE INDEX decision_state_by_entity ON decision_state (entity, state);
CREATE INDEX decision_state_by_state ON decision_state (state, at_ms, seq);
CREATE INDEX decision_state_by_change ON decision_state (changed_ms);
CREATE INDEX decision_state_by_actor ON decision_state (actor, at_ms);

-- One request that left, or was about to. Only what became of it may be written afterwards.
CREATE TABLE dispatch (
    id TEXT NOT NULL PRIMARY KEY,
    shard TEXT NOT NULL,
    account TEXT NOT NULL,
    entity TEXT,
    purpose TEXT NOT NULL CHECK (purpose IN ('ordinary', 'undo')),
    method TEXT NOT NULL,
    url TEXT NOT NULL,
    body_hash TEXT NOT NULL CHECK (LENGTH(body_hash) = 64),
    attempt BIGINT NOT NULL CHECK (attempt > 0),
    poll TEXT,
    node TEXT NOT NULL,
    lease_token BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    sent_wall_ms BIGINT NOT NULL,
    deadline_wall_ms BIGINT NOT NULL,
    answered_wall_ms BIGINT,
    result TEXT,
    answer TEXT,
    CHECK (deadline_wall_ms >= sent_wall_ms),
    CHECK ((answered_wall_ms IS NULL) = (result IS NULL))
);
CREATE INDEX dispatch_by_account ON dispatch (account, at_ms);
CREATE INDEX dispatch_by_entity ON dispatch (entity, at_ms);
CREATE INDEX dispatch_unanswered ON dispatch (account, sent_wall_ms) WHERE result IS NULL;

CREATE TABLE dispatch_decision (
    dispatch TEXT NOT NULL REFERENCES dispatch (id),
    decision TEXT NOT NULL REFERENCES decision (id),
    PRIMARY KEY (dispatch, decision)
);
CREATE INDEX dispatch_decision_by_decision ON dispatch_decision (decision);

-- Budgets as last read. `accepted` is the last amount the platform confirmed as ours or a person's: what a step is measured from.
CREATE TABLE budget (
    key TEXT NOT NULL PRIMARY KEY,
    account TEXT NOT NULL,
    pool TEXT,
    resource TEXT NOT NULL,
    members TEXT NOT NULL,
    currency TEXT NOT NULL CHECK (LENGTH(currency) = 3),
    live_micros BIGINT NOT NULL CHECK (live_micros >= 0),
    unit_micros BIGINT NOT NULL CHECK (unit_micros > 0),
    minimum_micros BIGINT NOT NULL CHECK (minimum_micros >= 0),
    accepted_micros BIGINT NOT NULL CHECK (accepted_micros >= 0),
    accepted_at_ms BIGINT NOT NULL,
    read_only TEXT,
    delivering BOOLEAN NOT NULL,
    gone BOOLEAN NOT NULL,
    seen_poll TEXT NOT NULL,
    seen_at_ms BIGINT NOT NULL
);
CREATE INDEX budget_by_account ON budget (account);
CREATE INDEX budget_by_pool ON budget (pool);

-- What a budget's live amount was, from each instant at which it was seen to change.
CREATE TABLE budget_amount (
    key TEXT NOT NULL REFERENCES budget (key),
    seq BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    live_micros BIGINT NOT NULL,
    delivering BOOLEAN NOT NULL,
    PRIMARY KEY (key, seq)
);
CREATE INDEX budget_amount_by_time ON budget_amount (key, at_ms, seq);

CREATE TABLE poll (
    id TEXT NOT NULL PRIMARY KEY,
    account TEXT NOT NULL,
    seq BIGINT NOT NULL CHECK (seq > 0),
    kind TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    started_wall_ms BIGINT NOT NULL,
    finished_wall_ms BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    error TEXT,
    UNIQUE (account, seq)
);
CREATE INDEX poll_by_outcome ON poll (account, kind, outcome, seq);

-- Figures of one entity for one account day, one row for each poll that changed them.
CREATE TABLE fact (
    account TEXT NOT NULL,
    entity TEXT NOT NULL,
    day TEXT NOT NULL CHECK (LENGTH(day) = 10),
    poll_seq BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    currency TEXT NOT NULL CHECK (LENGTH(currency) = 3),
    spend_micros BIGINT NOT NULL,
    impressions BIGINT NOT NULL,
    clicks BIGINT NOT NULL,
    conversions_milli BIGINT NOT NULL,
    revenue_micros BIGINT NOT NULL,
    PRIMARY KEY (entity, day, poll_seq),
    FOREIGN KEY (account, poll_seq) REFERENCES poll (account, seq)
);
CREATE INDEX fact_by_account ON fact (account, day, poll_seq);
CREATE INDEX fact_by_poll ON fact (account, poll_seq);

CREATE TABLE entity_state (
    account TEXT NOT NULL,
    entity TEXT NOT NULL,
    poll_seq BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT,
    PRIMARY KEY (entity, kind, poll_seq),
    FOREIGN KEY (account, poll_seq) REFERENCES poll (account, seq)
);
CREATE INDEX entity_state_by_account ON entity_state (account, kind, poll_seq);

CREATE TABLE policy (
    hash TEXT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL UNIQUE CHECK (version > 0),
    at_ms BIGINT NOT NULL,
    made_by TEXT NOT NULL,
    payload TEXT NOT NULL
);

CREATE TABLE round (
    id TEXT NOT NULL PRIMARY KEY,
    pool TEXT NOT NULL,
    shard TEXT NOT NULL,
    now_ms BIGINT NOT NULL,
    started_wall_ms BIGINT NOT NULL,
    finished_wall_ms BIGINT,
    reason TEXT NOT NULL,
    policy_hash TEXT NOT NULL,
    goals TEXT NOT NULL,
    open_intents TEXT NOT NULL,
    beliefs TEXT NOT NULL,
    view_hash TEXT NOT NULL,
    seed TEXT NOT NULL,
    engine TEXT NOT NULL,
    node TEXT NOT NULL,
    record TEXT
);
CREATE INDEX round_by_pool ON round (pool, now_ms, id);
CREATE INDEX round_by_time ON round (now_ms, id);

-- The poll of each account that a round saw; facts valid at one of them are never thinned.
CREATE TABLE round_poll (
    round TEXT NOT NULL REFERENCES round (id),
    account TEXT NOT NULL,
    poll_seq BIGINT NOT NULL,
    PRIMARY KEY (round, account),
    FOREIGN KEY (account, poll_seq) REFERENCES poll (account, seq)
);
CREATE INDEX round_poll_by_poll ON round_poll (account, poll_seq);

-- Increases of a settlement that wait until the reductions that fund them are confirmed.
CREATE TABLE waiting_increase (
    round TEXT NOT NULL REFERENCES round (id),
    rank BIGINT NOT NULL,
    pool TEXT NOT NULL,
    entity TEXT NOT NULL,
    to_micros BIGINT NOT NULL,
    currency TEXT NOT NULL,
    payload TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'recorded', 'dropped')),
    PRIMARY KEY (round, rank)
);
CREATE INDEX waiting_increase_by_pool ON waiting_increase (pool, state, round, rank);

CREATE TABLE scope_state (
    kind TEXT NOT NULL CHECK (kind IN ('workspace', 'account', 'pool', 'agent', 'campaign')),
    id TEXT NOT NULL,
    paused BOOLEAN NOT NULL,
    terminated BOOLEAN NOT NULL DEFAULT FALSE,
    reducing BOOLEAN NOT NULL DEFAULT FALSE,
    changed_by TEXT NOT NULL,
    reason TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    wall_ms BIGINT NOT NULL,
    resumed_at_ms BIGINT,
    token BIGINT NOT NULL CHECK (token > 0),
    PRIMARY KEY (kind, id),
    CHECK (NOT terminated OR kind = 'agent'),
    CHECK (NOT reducing OR kind IN ('workspace', 'account', 'pool'))
);

CREATE TABLE ticket (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    direction TEXT NOT NULL,
    account TEXT,
    pool TEXT,
    decision TEXT REFERENCES decision (id),
    state TEXT NOT NULL,
    severity TEXT NOT NULL,
    owner_role TEXT NOT NULL,
    opened_at_ms BIGINT NOT NULL,
    opened_wall_ms BIGINT NOT NULL,
    deadline_ms BIGINT NOT NULL,
    reminded_ms BIGINT,
    closed_at_ms BIGINT,
    risk_micros BIGINT,
    currency TEXT,
    bound_hash TEXT NOT NULL,
    version BIGINT NOT NULL CHECK (version > 0),
    payload TEXT NOT NULL,
    CHECK ((risk_micros IS NULL) = (currency IS NULL))
);
CREATE UNIQUE INDEX ticket_one_open ON ticket (subject, kind, direction) WHERE closed_at_ms IS NULL;
CREATE INDEX ticket_by_state ON ticket (state, opened_at_ms, id);
CREATE INDEX ticket_by_time ON ticket (opened_at_ms, id);
CREATE INDEX ticket_by_deadline ON ticket (deadline_ms) WHERE closed_at_ms IS NULL;
CREATE INDEX ticket_by_decision ON ticket (decision);

CREATE TABLE approval (
    id TEXT NOT NULL PRIMARY KEY,
    ticket TEXT NOT NULL REFERENCES ticket (id),
    person TEXT NOT NULL,
    role TEXT NOT NULL,
    verdict TEXT NOT NULL CHECK (verdict IN ('approve', 'reject')),
    bound_hash TEXT NOT NULL,
    waives TEXT NOT NULL,
    reason TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    wall_ms BIGINT NOT NULL,
    used_at_ms BIGINT,
    UNIQUE (ticket, person)
);

CREATE TABLE hold (
    id TEXT NOT NULL PRIMARY KEY,
    entity TEXT NOT NULL,
    account TEXT NOT NULL,
    reason TEXT NOT NULL,
    ticket TEXT REFERENCES ticket (id),
    opened_at_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    closed_at_ms BIGINT,
    closed_by TEXT,
    payload TEXT NOT NULL,
    CHECK ((closed_at_ms IS NULL) = (closed_by IS NULL))
);
CREATE UNIQUE INDEX hold_one_open ON hold (entity) WHERE closed_at_ms IS NULL;
CREATE INDEX hold_by_account ON hold (account, opened_at_ms);

CREATE TABLE conflict (
    id TEXT NOT NULL PRIMARY KEY,
    round TEXT NOT NULL REFERENCES round (id),
    pool TEXT NOT NULL,
    entity TEXT NOT NULL,
    agent TEXT NOT NULL,
    price DOUBLE PRECISION NOT NULL,
    at_ms BIGINT NOT NULL,
    reviewed_at_ms BIGINT,
    reviewed_by TEXT,
    payload TEXT NOT NULL,
    CHECK ((reviewed_at_ms IS NULL) = (reviewed_by IS NULL))
);
CREATE INDEX conflict_by_time ON conflict (at_ms, id);
CREATE INDEX conflict_by_round ON conflict (round);

CREATE TABLE alert (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    severity TEXT NOT NULL,
    title TEXT NOT NULL,
    payload TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    wall_ms BIGINT NOT NULL,
    times BIGINT NOT NULL DEFAULT 1 CHECK (times > 0),
    last_at_ms BIGINT NOT NULL,
    acknowledged_at_ms BIGINT,
    acknowledged_by TEXT,
    CHECK ((acknowledged_at_ms IS NULL) = (acknowledged_by IS NULL))
);
CREATE UNIQUE INDEX alert_one_open ON alert (kind, subject) WHERE acknowledged_at_ms IS NULL;
CREATE INDEX alert_by_time ON alert (at_ms, id);

-- What a sink still has to be told; delivered at least once.
CREATE TABLE delivery (
    alert TEXT NOT NULL REFERENCES alert (id),
    sink TEXT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    next_wall_ms BIGINT NOT NULL,
    delivered_wall_ms BIGINT,
    error TEXT,
    PRIMARY KEY (alert, sink)
);
CREATE INDEX delivery_due ON delivery (next_wall_ms) WHERE delivered_wall_ms IS NULL;

CREATE TABLE outcome (
    id TEXT NOT NULL PRIMARY KEY,
    decision TEXT NOT NULL UNIQUE REFERENCES decision (id),
    entity TEXT NOT NULL,
    account TEXT NOT NULL,
    pool TEXT,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'scored', 'void')),
    from_at_ms BIGINT NOT NULL,
    until_ms BIGINT NOT NULL,
    due_ms BIGINT NOT NULL,
    settled_at_ms BIGINT,
    good BOOLEAN,
    confidence DOUBLE PRECISION NOT NULL,
    prediction TEXT NOT NULL,
    result TEXT,
    CHECK ((state = 'pending') = (settled_at_ms IS NULL)),
    CHECK (state = 'scored' OR good IS NULL)
);
CREATE INDEX outcome_due ON outcome (state, due_ms);
CREATE INDEX outcome_by_entity ON outcome (entity, state);
CREATE INDEX outcome_by_actor ON outcome (actor, action, state, settled_at_ms);
CREATE INDEX outcome_by_time ON outcome (settled_at_ms, id);

CREATE TABLE agent_state (
    agent TEXT NOT NULL PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('starting', 'active', 'paused', 'backing_off', 'terminated')),
    focus TEXT NOT NULL,
    last_round TEXT,
    last_error TEXT,
    crashes BIGINT NOT NULL DEFAULT 0,
    changed_at_ms BIGINT NOT NULL,
    payload TEXT NOT NULL
);

-- Agents made or changed through API and pages; the highest version of an agent counts, a null payload removes it.
CREATE TABLE agent_overlay (
    agent TEXT NOT NULL,
    version BIGINT NOT NULL CHECK (version > 0),
    made_by TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    wall_ms BIGINT NOT NULL,
    payload TEXT,
    PRIMARY KEY (agent, version)
);

CREATE TABLE idempotency_key (
    principal TEXT NOT NULL,
    key TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    status BIGINT,
    answer TEXT,
    expires_wall_ms BIGINT NOT NULL,
    PRIMARY KEY (principal, key),
    CHECK ((status IS NULL) = (answer IS NULL))
);
CREATE INDEX idempotency_key_by_expiry ON idempotency_key (expires_wall_ms);

CREATE TABLE session (
    id TEXT NOT NULL PRIMARY KEY,
    token_hash TEXT NOT NULL UNIQUE,
    csrf_hash TEXT NOT NULL,
    principal TEXT NOT NULL,
    issuer TEXT NOT NULL,
    role TEXT NOT NULL,
    created_wall_ms BIGINT NOT NULL,
    expires_wall_ms BIGINT NOT NULL,
    revoked_wall_ms BIGINT
);

-- Links that work once: sign-in, approval, client.
CREATE TABLE link (
    nonce_hash TEXT NOT NULL PRIMARY KEY,
    purpose TEXT NOT NULL,
    subject TEXT NOT NULL,
    issuer TEXT NOT NULL,
    bound_hash TEXT NOT NULL,
    role TEXT NOT NULL,
    expires_wall_ms BIGINT NOT NULL,
    used_wall_ms BIGINT
);
