//! The sentences that stand for each tag: plain words for what such an error says.

/// Tags with the sentences that stand for them, in the order of their names.
pub(super) const SENTENCES: [(&str, &[&str]); 15] = [
    (
        "auth",
        &[
            "the user could not log in because the password is wrong",
            "the caller is not allowed to do this, permission missing",
            "the session or token is no longer valid",
            "credentials were rejected by the server",
        ],
    ),
    (
        "concurrency",
        &[
            "two transactions wait for each other's locks",
            "somebody else changed the record in the meantime",
            "a lock could not be taken because another thread holds it",
            "all worker threads are busy and the task was not accepted",
        ],
    ),
    (
        "configuration",
        &[
            "a required setting or variable is not set",
            "the settings file cannot be read or has a wrong value",
            "unknown option in the configuration",
            "the service refuses to start because the port is taken",
        ],
    ),
    (
        "database",
        &[
            "a query to the database failed",
            "the table or column does not exist",
            "inserting the row violates a unique or foreign key",
            "no free connection to the database is left in the pool",
            "the transaction was rolled back",
        ],
    ),
    (
        "dependency",
        &[
            "an external service answered with a server error",
            "a library, class or module that the program needs is missing",
            "the upstream service is not available",
            "a partner's interface returned something unexpected",
        ],
    ),
    (
        "disk",
        &[
            "nothing more can be written because the disk is full",
            "the file or folder does not exist or cannot be opened",
            "reading from the storage device failed",
            "the file system is mounted read only",
        ],
    ),
    (
        "dns",
        &[
            "the name of the host cannot be resolved to an address",
            "the name server did not answer",
            "there is no host with this name",
        ],
    ),
    (
        "memory",
        &[
            "the program ran out of memory",
            "memory could not be allocated",
            "the process was killed for using too much memory",
            "most of the time is spent collecting garbage",
        ],
    ),
    (
        "network",
        &[
            "the remote side refused or closed the connection",
            "the host cannot be reached over the network",
            "the connection broke while data was sent",
        ],
    ),
    (
        "null-pointer",
        &[
            "a value that should be there is null or undefined",
            "the object does not have this attribute or method",
            "an index is beyond the end of the list",
            "a number was divided by zero",
            "a value cannot be converted to this type, a mistake in the program",
        ],
    ),
    (
        "queue",
        &[
            "no message broker can be reached",
            "a message could not be published to or read from the queue",
            "the consumer lost its partition or lags behind",
            "the topic does not exist",
        ],
    ),
    (
        "rate-limit",
        &[
            "too many calls in a short time, try again later",
            "the allowed number of requests is used up",
            "the client is being slowed down",
        ],
    ),
    (
        "timeout",
        &[
            "no answer came in time",
            "the operation took too long and was stopped",
            "the deadline passed before the work was finished",
        ],
    ),
    (
        "tls",
        &[
            "the certificate is expired or not trusted",
            "the secure connection could not be negotiated",
            "the certificate does not belong to this host name",
        ],
    ),
    (
        "validation",
        &[
            "a field of the request is missing",
            "the input does not have the expected format",
            "the value is not allowed here",
            "the request is too large or malformed",
        ],
    ),
];
