-- Below what rows of each kind are forgotten (days since 1970 for samples, else seconds), and how many
-- events were forgotten of minutes and of hours.
CREATE TABLE horizons (
    kind text COLLATE "C" PRIMARY KEY,
    before bigint NOT NULL,
    forgotten bigint NOT NULL
);
