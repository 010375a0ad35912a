-- What each embedded text means: 384 numbers of four bytes, lowest byte first, and which computation made
-- them. Vectors of different kernels are never compared.
CREATE TABLE vectors (
    text BLOB PRIMARY KEY,
    kernel INTEGER NOT NULL,
    numbers BLOB NOT NULL
);
