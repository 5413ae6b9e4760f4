-- Who holds stock beside the orders of this installation: each subject of another system's tokens. The number
-- stands in the upper half of an epoch, so that no holder can name what another one holds.
CREATE TABLE inventory.holders (
    number  INTEGER GENERATED ALWAYS AS IDENTITY CONSTRAINT holders_number UNIQUE
        CONSTRAINT holders_number_positive CHECK (number > 0),
    subject TEXT CONSTRAINT holders_pk PRIMARY KEY
);
