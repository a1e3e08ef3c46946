"""What the embedder measures beside every role's metrics."""

from prometheus_client import Counter, Gauge, Histogram

from lorekeep_chassis.metrics import BUCKETS_SECONDS

_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)

TEXTS = Counter("embedding_texts_total", "Texts embedded.", ("lane",))
TOKENS = Counter("embedding_tokens_total", "Tokens embedded, special ones included, padding not.", ("lane",))
TRUNCATIONS = Counter("embedding_truncations_total", "Texts cut to the model's window.")
DROPPED = Counter(
    "embedding_dropped_texts_total", "Texts whose caller had left before they were computed.", ("reason",)
)
REFUSED = Counter("embedding_refused_texts_total", "Texts refused because the lane was full.", ("lane",))

QUEUE_TEXTS = Gauge("embedding_queue_texts", "Texts that wait for a batch.", ("lane",))
QUEUE_TOKENS = Gauge("embedding_queue_tokens", "Tokens that wait for a batch.", ("lane",))
IN_FLIGHT_TEXTS = Gauge("embedding_in_flight_texts", "Texts admitted and not answered yet.", ("lane",))
IN_FLIGHT_TOKENS = Gauge("embedding_in_flight_tokens", "Tokens admitted and not answered yet.", ("lane",))

BATCH_TEXTS = Histogram("embedding_batch_size_texts", "Texts in a batch.", ("lane",), buckets=_SIZES)
BATCH_SECONDS = Histogram(
    "embedding_batch_duration_seconds", "Time to compute a batch.", ("lane",), buckets=BUCKETS_SECONDS
)
GENERATION_SECONDS = Histogram(
    "embedding_generation_duration_seconds", "Time from a request's texts to its vectors.", ("lane",),
    buckets=BUCKETS_SECONDS,
)  # fmt: skip
MODEL_INFO = Gauge(
    "embedding_model_info", "1 for each model that is loaded.", ("model", "backend", "device", "precision")
)
