-- Version 4: by what recorded values a claim was judged. Claims of older versions have neither.

-- Which score of which arm, or which difference, as {"score", "protocol", "arm", "params", "minus": {"arm", "params"}},
-- and where its verdict turns: "bounds".
ALTER TABLE claim ADD COLUMN quantity TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(quantity));
-- The value of each seed, in the order of seeds.
ALTER TABLE claim ADD COLUMN seed_values TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(seed_values));
