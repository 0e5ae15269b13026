-- SQLite: the log can only grow.
CREATE TRIGGER step_no_update BEFORE UPDATE ON step BEGIN
    SELECT RAISE(ABORT, 'insert-only: a step is never changed');
END;
CREATE TRIGGER step_no_delete BEFORE DELETE ON step BEGIN
    SELECT RAISE(ABORT, 'insert-only: a step is never deleted');
END;
CREATE TRIGGER decision_no_update BEFORE UPDATE ON decision BEGIN
    SELECT RAISE(ABORT, 'insert-only: a decision is never changed');
END;
CREATE TRIGGER decision_no_delete BEFORE DELETE ON decision BEGIN
    SELECT RAISE(ABORT, 'insert-only: a decision is never deleted');
END;
CREATE TRIGGER dispatch_decision_no_update BEFORE UPDATE ON dispatch_decision BEGIN
    SELECT RAISE(ABORT, 'insert-only: what a request was for is never changed');
END;
CREATE TRIGGER dispatch_decision_no_delete BEFORE DELETE ON dispatch_decision BEGIN
    SELECT RAISE(ABORT, 'insert-only: what a request was for is never deleted');
END;
CREATE TRIGGER change_set_no_update BEFORE UPDATE ON change_set BEGIN
    SELECT RAISE(ABORT, 'insert-only: a change set is never changed');
END;
CREATE TRIGGER change_set_no_delete BEFORE DELETE ON change_set BEGIN
    SELECT RAISE(ABORT, 'insert-only: a change set is never deleted');
END;
CREATE TRIGGER policy_no_update BEFORE UPDATE ON policy BEGIN
    SELECT RAISE(ABORT, 'insert-only: a policy version is never changed');
END;
CREATE TRIGGER policy_no_delete BEFORE DELETE ON policy BEGIN
    SELECT RAISE(ABORT, 'insert-only: a policy version is never deleted');
END;
CREATE TRIGGER round_poll_no_update BEFORE UPDATE ON round_poll BEGIN
    SELECT RAISE(ABORT, 'insert-only: what a round saw is never changed');
END;
CREATE TRIGGER round_poll_no_delete BEFORE DELETE ON round_poll BEGIN
    SELECT RAISE(ABORT, 'insert-only: what a round saw is never deleted');
END;
CREATE TRIGGER body_no_delete BEFORE DELETE ON body BEGIN
    SELECT RAISE(ABORT, 'insert-only: a body is erased, never deleted');
END;
CREATE TRIGGER body_erase_only BEFORE UPDATE ON body WHEN NEW.content IS NOT NULL OR NEW.hash IS NOT OLD.hash BEGIN
    SELECT RAISE(ABORT, 'insert-only: a body can only be erased');
END;
CREATE TRIGGER dispatch_no_delete BEFORE DELETE ON dispatch BEGIN
    SELECT RAISE(ABORT, 'insert-only: a dispatch is never deleted');
END;
CREATE TRIGGER dispatch_result_only BEFORE UPDATE ON dispatch WHEN NEW.id IS NOT OLD.id OR NEW.shard IS NOT OLD.shard OR NEW.account IS NOT OLD.account OR NEW.entity IS NOT OLD.entity OR NEW.purpose IS NOT OLD.purpose OR NEW.method IS NOT OLD.method OR NEW.url IS NOT OLD.url OR NEW.body_hash IS NOT OLD.body_hash OR NEW.attempt IS NOT OLD.attempt OR NEW.poll IS NOT OLD.poll OR NEW.node IS NOT OLD.node OR NEW.lease_token IS NOT OLD.lease_token OR NEW.at_ms IS NOT OLD.at_ms OR NEW.sent_wall_ms IS NOT OLD.sent_wall_ms OR NEW.deadline_wall_ms IS NOT OLD.deadline_wall_ms OR (OLD.result IS NOT NULL AND OLD.result <> 'unknown') BEGIN
    SELECT RAISE(ABORT, 'insert-only: only the result of an unanswered dispatch can be written');
END;
CREATE TRIGGER decision_state_no_delete BEFORE DELETE ON decision_state BEGIN
    SELECT RAISE(ABORT, 'insert-only: where a decision stands is never deleted');
END;
CREATE TRIGGER scope_state_final BEFORE UPDATE ON scope_state WHEN OLD.terminated AND NOT NEW.terminated BEGIN
    SELECT RAISE(ABORT, 'insert-only: a terminated agent stays terminated');
END;
CREATE TRIGGER scope_state_no_delete BEFORE DELETE ON scope_state BEGIN
    SELECT RAISE(ABORT, 'insert-only: a pause flag is cleared, never deleted');
END;
CREATE TRIGGER approval_no_delete BEFORE DELETE ON approval BEGIN
    SELECT RAISE(ABORT, 'insert-only: an approval is never deleted');
END;
CREATE TRIGGER approval_use_once BEFORE UPDATE ON approval WHEN NEW.id IS NOT OLD.id OR NEW.ticket IS NOT OLD.ticket OR NEW.person IS NOT OLD.person OR NEW.role IS NOT OLD.role OR NEW.verdict IS NOT OLD.verdict OR NEW.bound_hash IS NOT OLD.bound_hash OR NEW.waives IS NOT OLD.waives OR NEW.at_ms IS NOT OLD.at_ms OR NEW.wall_ms IS NOT OLD.wall_ms OR OLD.used_at_ms IS NOT NULL BEGIN
    SELECT RAISE(ABORT, 'insert-only: an approval can only be used, once');
END;
CREATE TRIGGER lease_token_rises BEFORE UPDATE ON lease WHEN NEW.token < OLD.token BEGIN
    SELECT RAISE(ABORT, 'insert-only: a fencing token never falls');
END;
CREATE TRIGGER lease_no_delete BEFORE DELETE ON lease BEGIN
    SELECT RAISE(ABORT, 'insert-only: a lease expires, it is never deleted');
END;
CREATE TRIGGER shard_head_rises BEFORE UPDATE ON shard WHEN NEW.seq < OLD.seq OR NEW.id IS NOT OLD.id BEGIN
    SELECT RAISE(ABORT, 'insert-only: the head of a chain never falls');
END;
CREATE TRIGGER shard_no_delete BEFORE DELETE ON shard BEGIN
    SELECT RAISE(ABORT, 'insert-only: a shard is closed, never deleted');
END;
