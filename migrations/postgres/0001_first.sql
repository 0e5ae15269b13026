-- PostgreSQL: the log can only grow.
CREATE FUNCTION adjutant_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RAISE EXCEPTION 'insert-only: %', TG_ARGV[0] USING ERRCODE = 'AD001';
END $$;

CREATE TRIGGER step_no_update BEFORE UPDATE ON step FOR EACH ROW
    EXECUTE FUNCTION adjutant_refuse('a step is never changed');
CREATE TRIGGER step_no_delete BEFORE DELETE ON step FOR EACH ROW
    EXECUTE FUNCTION adjutant_refuse('a step is never deleted');
CREATE TRIGGER decision_no_update BEFORE UPDATE ON decision FOR EACH ROW
    EXECUTE FUNCTION adjutant_refuse('a decision is never changed');
CREATE TRIGGER decision_no_delete BEFORE DELETE ON decision FOR EACH ROW
    EXECUTE FUNCTION adjutant_refuse('a decision is never deleted');
CREATE TRIGGER dispatch_decision_no_update BEFORE UPDATE ON dispatch_decision FOR EACH ROW
    EXECUTE FUNCTION adjutant_refuse('what a request was for is never changed');
CREATE TRIGGER dispatch_decision_no_delete BEFORE DELETE ON dispatch_decision FOR EACH ROW
    EXECUTE FUNCTION adjutant_refuse('what a request was for is never deleted');
CREATE TRIGGER change_set_no_update BEFORE UPDATE ON change_set FOR EACH ROW
    EXECUTE FUNCTION adjutant_refuse('a change set is never changed');
CREATE TRIGGER change_set_no_delete BEFORE DELETE ON change_set FOR EACH ROW
    EXECUTE FUNCTION adjutant_refuse('a change set is never deleted');
CREATE TRIGGER policy_no_update BEFORE UPDATE ON policy FOR EACH ROW
    EXECUTE FUNCTION adjutant_refuse('a policy version is never changed');
CREATE TRIGGER policy_no_delete BEFORE DELETE ON policy FOR EACH ROW
    EXECUTE FUNCTION adjutant_refuse('a policy version is never deleted');
CREATE TRIGGER round_poll_no_update BEFORE UPDATE ON round_poll FOR EACH ROW
    EXECUTE FUNCTION adjutant_refuse('what a round saw is never changed');
CREATE TRIGGER round_poll_no_delete BEFORE DELETE ON round_poll FOR EACH ROW
    EXECUTE FUNCTION adjutant_refuse('what a round saw is never deleted');
CREATE TRIGGER body_no_delete BEFORE DELETE ON body FOR EACH ROW
    EXECUTE FUNCTION adjutant_refuse('a body is erased, never deleted');
CREATE TRIGGER body_erase_only BEFORE UPDATE ON body FOR EACH ROW WHEN (NEW.content IS NOT NULL OR NEW.hash IS DISTINCT FROM OLD.hash)
    EXECUTE FUNCTION adjutant_refuse('a body can only be erased');
CREATE TRIGGER dispatch_no_delete BEFORE DELETE ON dispatch FOR EACH ROW
    EXECUTE FUNCTION adjutant_refuse('a dispatch is never deleted');
CREATE TRIGGER dispatch_result_only BEFORE UPDATE ON dispatch FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.shard IS DISTINCT FROM OLD.shard OR NEW.account IS DISTINCT FROM OLD.account OR NEW.entity IS DISTINCT FROM OLD.entity OR NEW.purpose IS DISTINCT FROM OLD.purpose OR NEW.method IS DISTINCT FROM OLD.method OR NEW.url IS DISTINCT FROM OLD.url OR NEW.body_hash IS DISTINCT FROM OLD.body_hash OR NEW.attempt IS DISTINCT FROM OLD.attempt OR NEW.poll IS DISTINCT FROM OLD.poll OR NEW.node IS DISTINCT FROM OLD.node OR NEW.lease_token IS DISTINCT FROM OLD.lease_token OR NEW.at_ms IS DISTINCT FROM OLD.at_ms OR NEW.sent_wall_ms IS DISTINCT FROM OLD.sent_wall_ms OR NEW.deadline_wall_ms IS DISTINCT FROM OLD.deadline_wall_ms OR (OLD.result IS NOT NULL AND OLD.result <> 'unknown'))
    EXECUTE FUNCTION adjutant_refuse('only the result of an unanswered dispatch can be written');
CREATE TRIGGER decision_state_no_delete BEFORE DELETE ON decision_state FOR EACH ROW
    EXECUTE FUNCTION adjutant_refuse('where a decision stands is never deleted');
CREATE TRIGGER scope_state_final BEFORE UPDATE ON scope_state FOR EACH ROW WHEN (OLD.terminated AND NOT NEW.terminated)
    EXECUTE FUNCTION adjutant_refuse('a terminated agent stays terminated');
CREATE TRIGGER scope_state_no_delete BEFORE DELETE ON scope_state FOR EACH ROW
    EXECUTE FUNCTION adjutant_refuse('a pause flag is cleared, never deleted');
CREATE TRIGGER approval_no_delete BEFORE DELETE ON approval FOR EACH ROW
    EXECUTE FUNCTION adjutant_refuse('an approval is never deleted');
CREATE TRIGGER approval_use_once BEFORE UPDATE ON approval FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.ticket IS DISTINCT FROM OLD.ticket OR NEW.person IS DISTINCT FROM OLD.person OR NEW.role IS DISTINCT FROM OLD.role OR NEW.verdict IS DISTINCT FROM OLD.verdict OR NEW.bound_hash IS DISTINCT FROM OLD.bound_hash OR NEW.waives IS DISTINCT FROM OLD.waives OR NEW.at_ms IS DISTINCT FROM OLD.at_ms OR NEW.wall_ms IS DISTINCT FROM OLD.wall_ms OR OLD.used_at_ms IS NOT NULL)
    EXECUTE FUNCTION adjutant_refuse('an approval can only be used, once');
CREATE TRIGGER lease_token_rises BEFORE UPDATE ON lease FOR EACH ROW WHEN (NEW.token < OLD.token)
    EXECUTE FUNCTION adjutant_refuse('a fencing token never falls');
CREATE TRIGGER lease_no_delete BEFORE DELETE ON lease FOR EACH ROW
    EXECUTE FUNCTION adjutant_refuse('a lease expires, it is never deleted');
CREATE TRIGGER shard_head_rises BEFORE UPDATE ON shard FOR EACH ROW WHEN (NEW.seq < OLD.seq OR NEW.id IS DISTINCT FROM OLD.id)
    EXECUTE FUNCTION adjutant_refuse('the head of a chain never falls');
CREATE TRIGGER shard_no_delete BEFORE DELETE ON shard FOR EACH ROW
    EXECUTE FUNCTION adjutant_refuse('a shard is closed, never deleted');
CREATE TRIGGER step_no_truncate BEFORE TRUNCATE ON step FOR EACH STATEMENT EXECUTE FUNCTION adjutant_refuse('step is never emptied');
CREATE TRIGGER decision_no_truncate BEFORE TRUNCATE ON decision FOR EACH STATEMENT EXECUTE FUNCTION adjutant_refuse('decision is never emptied');
CREATE TRIGGER dispatch_no_truncate BEFORE TRUNCATE ON dispatch FOR EACH STATEMENT EXECUTE FUNCTION adjutant_refuse('dispatch is never emptied');
CREATE TRIGGER dispatch_decision_no_truncate BEFORE TRUNCATE ON dispatch_decision FOR EACH STATEMENT EXECUTE FUNCTION adjutant_refuse('dispatch_decision is never emptied');
CREATE TRIGGER body_no_truncate BEFORE TRUNCATE ON body FOR EACH STATEMENT EXECUTE FUNCTION adjutant_refuse('body is never emptied');
CREATE TRIGGER decision_state_no_truncate BEFORE TRUNCATE ON decision_state FOR EACH STATEMENT EXECUTE FUNCTION adjutant_refuse('decision_state is never emptied');
CREATE TRIGGER change_set_no_truncate BEFORE TRUNCATE ON change_set FOR EACH STATEMENT EXECUTE FUNCTION adjutant_refuse('change_set is never emptied');
