-- Conversions of one entity and account day as a source beside the platform counted them, one row for each poll that changed them.
CREATE TABLE measured (
    account TEXT NOT NULL,
    source TEXT NOT NULL,
    entity TEXT NOT NULL,
    day TEXT NOT NULL CHECK (LENGTH(day) = 10),
    poll_seq BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    currency TEXT NOT NULL CHECK (LENGTH(currency) = 3),
    conversions_milli BIGINT NOT NULL,
    revenue_micros BIGINT NOT NULL,
    PRIMARY KEY (source, entity, day, poll_seq),
    FOREIGN KEY (account, poll_seq) REFERENCES poll (account, seq)
);
CREATE INDEX measured_by_account ON measured (account, source, day, poll_seq);
