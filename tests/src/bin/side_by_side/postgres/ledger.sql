-- A ledger that can be asked what ours can be asked of a transfer of LEDGER-1: amounts of 128 bits, accounts that exist and
-- keep their limit, an id that takes effect once, the sums of both accounts after every transfer, and the transfers of an
-- account. Accounts leave room on their pages, so that their updates touch no index.

CREATE TABLE accounts (
    id int PRIMARY KEY,
    overdraft boolean NOT NULL,
    debits numeric(39) NOT NULL DEFAULT 0,
    credits numeric(39) NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

CREATE TABLE transfers (
    id uuid PRIMARY KEY,
    debit int NOT NULL REFERENCES accounts,
    credit int NOT NULL REFERENCES accounts,
    amount numeric(39) NOT NULL CHECK (amount > 0)
);
CREATE INDEX ON transfers (debit);
CREATE INDEX ON transfers (credit);

CREATE TABLE history (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    time timestamptz NOT NULL DEFAULT now(),
    transfer uuid NOT NULL,
    debits_of_debit numeric(39) NOT NULL,
    credits_of_debit numeric(39) NOT NULL,
    debits_of_credit numeric(39) NOT NULL,
    credits_of_credit numeric(39) NOT NULL
);

CREATE FUNCTION transfer(p_id uuid, p_debit int, p_credit int, p_amount numeric) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    known transfers;
    paying accounts;
    receiving accounts;
BEGIN
    INSERT INTO transfers VALUES (p_id, p_debit, p_credit, p_amount) ON CONFLICT (id) DO NOTHING;
    IF NOT FOUND THEN
        SELECT * INTO STRICT known FROM transfers WHERE id = p_id;
        IF (known.debit, known.credit, known.amount) = (p_debit, p_credit, p_amount) THEN
            RETURN 'exists';
        END IF;
        RETURN 'exists with different content';
    END IF;
    -- The lower number first, or two transfers could wait for each other.
    IF p_debit < p_credit THEN
        UPDATE accounts SET debits = debits + p_amount WHERE id = p_debit RETURNING * INTO STRICT paying;
        UPDATE accounts SET credits = credits + p_amount WHERE id = p_credit RETURNING * INTO STRICT receiving;
    ELSE
        UPDATE accounts SET credits = credits + p_amount WHERE id = p_credit RETURNING * INTO STRICT receiving;
        UPDATE accounts SET debits = debits + p_amount WHERE id = p_debit RETURNING * INTO STRICT paying;
    END IF;
    IF paying.debits > paying.credits AND NOT paying.overdraft THEN
        RAISE EXCEPTION 'account % has not enough', p_debit;
    END IF;
    INSERT INTO history (transfer, debits_of_debit, credits_of_debit, debits_of_credit, credits_of_credit)
    VALUES (p_id, paying.debits, paying.credits, receiving.debits, receiving.credits);
    RETURN 'posted';
END
$$;

INSERT INTO accounts (id, overdraft) SELECT generate_series(0, 9999), true;
VACUUM ANALYZE accounts;
