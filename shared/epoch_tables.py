"""The table of a service's key epochs, and the only ways to open one, to move keys out of one and to end one."""

EPOCH_DDL = """
-- An epoch is asked for by a person, begins once a worker has made its key, ends by two people, and then its key goes.
CREATE TABLE epoch (
    epoch integer PRIMARY KEY CHECK (epoch > 0), asked_by text NOT NULL, asked_at timestamptz NOT NULL,
    began_at timestamptz, end_proposed_by text, ended_by text, ended_at timestamptz, destroyed_at timestamptz,
    version bigint NOT NULL DEFAULT 1, CHECK (ended_by <> end_proposed_by),
    CHECK ((ended_at IS NULL) = (ended_by IS NULL))
);
INSERT INTO epoch (epoch, asked_by, asked_at, began_at) VALUES (1, 'setup', clock_timestamp(), clock_timestamp());

CREATE FUNCTION open_epoch(which integer, stamp timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE epoch SET began_at = stamp, version = version + 1 WHERE epoch = which AND began_at IS NULL;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    -- Made apart and then attached: neither readers nor writers of the other epochs wait for it.
    EXECUTE format('CREATE TABLE body_key_%s (LIKE body_key INCLUDING ALL)', which);
    EXECUTE format('ALTER TABLE body_key ATTACH PARTITION body_key_%s FOR VALUES IN (%s)', which, which);
    RETURN true;
END $$;

-- Keys to move, locked; those that a shredding has under its hands are left to it.
CREATE FUNCTION claim_keys(which integer, past bigint, most integer) RETURNS TABLE (id bigint, wrap bytea)
LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
    SELECT body_id, wrapped FROM body_key WHERE epoch = which AND body_id > past
    ORDER BY body_id LIMIT most FOR UPDATE SKIP LOCKED
$$;

-- One UPDATE, not a DELETE and an INSERT: a shredding that waits for a moved row is then told so and tries again,
-- where it would find the old row gone and not see the new one.
CREATE FUNCTION rewrap_keys(which integer, newer integer, ids bigint[], wraps bytea[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    moved integer;
BEGIN
    IF newer <= which OR NOT EXISTS (
        SELECT FROM epoch WHERE epoch = newer AND began_at IS NOT NULL AND ended_at IS NULL) THEN
        RAISE EXCEPTION 'keys move into a newer epoch that is open';
    END IF;
    UPDATE body_key k SET epoch = newer, wrapped = u.wrap FROM unnest(ids, wraps) u (id, wrap)
        WHERE k.epoch = which AND k.body_id = u.id;
    GET DIAGNOSTICS moved = ROW_COUNT;
    RETURN moved;
END $$;

-- Counted twice, from both sides: keys under the epoch, and bodies that no other epoch's key opens. Either refuses it.
CREATE FUNCTION end_epoch(which integer, approver text, stamp timestamptz)
RETURNS TABLE (keys_left bigint, bodies_left bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    proposer text;
BEGIN
    SELECT end_proposed_by INTO proposer FROM epoch
        WHERE epoch = which AND began_at IS NOT NULL AND ended_at IS NULL FOR UPDATE;
    IF proposer IS NULL OR proposer = approver THEN
        RAISE EXCEPTION 'an epoch is ended by two people';
    END IF;
    IF NOT EXISTS (SELECT FROM epoch WHERE epoch > which AND began_at IS NOT NULL) THEN
        RAISE EXCEPTION 'the newest epoch cannot end';
    END IF;
    -- First while others go on: what is sealed under this epoch from now on, the count under the lock finds.
    SELECT count(*) INTO bodies_left FROM body b
        WHERE NOT EXISTS (SELECT FROM body_key k WHERE k.body_id = b.body_id AND k.epoch <> which);
    SELECT count(*) INTO keys_left FROM body_key WHERE epoch = which;
    IF keys_left > 0 OR bodies_left > 0 THEN
        RETURN NEXT;
        RETURN;
    END IF;
    -- From the top, as everybody does who writes here: whoever still holds a key not yet committed is waited for.
    LOCK TABLE body_key IN ACCESS EXCLUSIVE MODE;
    SELECT count(*) INTO keys_left FROM body_key WHERE epoch = which;
    IF keys_left = 0 THEN
        EXECUTE format('DROP TABLE body_key_%s', which);
        UPDATE epoch SET ended_by = approver, ended_at = stamp, version = version + 1 WHERE epoch = which;
    END IF;
    RETURN NEXT;
END $$;
"""

EPOCH_GRANTS = """
GRANT SELECT ON epoch TO tenure_{service}_api, tenure_{service}_worker;
GRANT INSERT, UPDATE (end_proposed_by, version) ON epoch TO tenure_{service}_api;
GRANT UPDATE (destroyed_at, version) ON epoch TO tenure_{service}_worker;
REVOKE ALL ON FUNCTION open_epoch(integer, timestamptz), claim_keys(integer, bigint, integer),
    rewrap_keys(integer, integer, bigint[], bytea[]), end_epoch(integer, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION open_epoch(integer, timestamptz), claim_keys(integer, bigint, integer),
    rewrap_keys(integer, integer, bigint[], bytea[]) TO tenure_{service}_worker;
GRANT EXECUTE ON FUNCTION end_epoch(integer, text, timestamptz) TO tenure_{service}_api;
"""
