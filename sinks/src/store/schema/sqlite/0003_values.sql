-- The constant words of an issue's pattern: with them the values that vary are found in its samples.
-- Until the engine has derived its issues again after a restart, nothing is known to vary.
ALTER TABLE issues ADD COLUMN skeleton TEXT NOT NULL DEFAULT '';
