"""What the embedder measures beside every role's metrics."""

from prometheus_client import Counter, Gauge, Histogram

from lorekeep_chassis.metrics import BUCKETS_SECONDS

_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)

TEXTS = Counter("embedding_texts_total", "Texts embedded.", ("lane",))
TOKENS = Counter("embedding_tokens_total", "Tokens embedded, special ones included, padding not.", ("lane",))
TRUNCATIONS = Counter("embedding_truncations_total", "Texts cut to the model's window.")
PADDING = Counter("embedding_padding_tokens_total", "Tokens computed as padding.", ("lane",))
DROPPED = Counter(
    "embedding_dropped_texts_total", "Texts admitted and not computed: cancelled, deadline, failed, ended.", ("reason",)
)
REFUSED = Counter(
    "embedding_refused_texts_total", "Texts not admitted: full lane, organisation's share, deadline.",
    ("lane", "reason"),
)  # fmt: skip

QUEUE_TEXTS = Gauge("embedding_queue_texts", "Texts that wait for a batch.", ("lane",))
QUEUE_TOKENS = Gauge("embedding_queue_tokens", "Tokens that wait for a batch.", ("lane",))
RUNNING_TEXTS = Gauge("embedding_running_texts", "Texts that are computed now.", ("lane",))
RUNNING_TOKENS = Gauge("embedding_running_tokens", "Tokens that are computed now, padding not.", ("lane",))
IN_FLIGHT_TEXTS = Gauge("embedding_in_flight_texts", "Texts admitted and not answered yet.", ("lane",))
IN_FLIGHT_TOKENS = Gauge("embedding_in_flight_tokens", "Tokens admitted and not answered yet.", ("lane",))

BATCH_TEXTS = Histogram("embedding_batch_size_texts", "Texts in a batch.", ("lane",), buckets=_SIZES)
BATCH_FILL = Histogram(
    "embedding_batch_fill_ratio", "Share of a batch's budget that its texts use, padding included.", ("lane",),
    buckets=(0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0),
)  # fmt: skip
BATCH_TOKENS = Gauge("embedding_batch_budget_tokens", "Most tokens in a batch, as measured at warm-up.", ("model",))
WAIT_SECONDS = Histogram(
    "embedding_wait_duration_seconds", "Time that a request waits for its first batch.", ("lane",),
    buckets=BUCKETS_SECONDS,
)  # fmt: skip
BATCH_SECONDS = Histogram(
    "embedding_batch_duration_seconds", "Time to compute a batch.", ("lane",), buckets=BUCKETS_SECONDS
)
GENERATION_SECONDS = Histogram(
    "embedding_generation_duration_seconds", "Time from a request's texts to its vectors.", ("lane",),
    buckets=BUCKETS_SECONDS,
)  # fmt: skip

CACHE_HITS = Counter("embedding_cache_hits_total", "Texts whose vector was in the cache.", ("lane",))
CACHE_MISSES = Counter("embedding_cache_misses_total", "Texts looked up in the cache in vain.", ("lane",))
CACHE_STORED = Counter("embedding_cache_stored_total", "Vectors that the cache took.")
CACHE_DROPPED = Counter(
    "embedding_cache_dropped_total", "Vectors not kept: too many waited for the cache, or it did not take them."
)
MODEL_LOADS = Counter("embedding_model_loads_total", "Models loaded, or not.", ("model", "outcome"))
MODEL_EVICTIONS = Counter("embedding_model_evictions_total", "Models given up for others' memory.", ("model",))
MODELS_LOADED = Gauge(
    "embedding_models_loaded", "1 for each model that is loaded, by what it runs on; else 0.",
    ("model", "backend", "precision", "device"),
)  # fmt: skip
MODELS_MEMORY_BYTES = Gauge("embedding_models_memory_bytes", "Memory that the loaded models hold.")

OUT_OF_MEMORY = Counter("embedding_out_of_memory_total", "Batches and models that did not fit the device's memory.")
BATCH_REDUCTIONS = Counter("embedding_batch_reductions_total", "Batches halved since they did not fit the memory.")
GPU_MEMORY = Gauge("embedding_gpu_memory_bytes", "Memory of the GPU: allocated, reserved, total.", ("kind",))
