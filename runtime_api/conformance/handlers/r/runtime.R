# The conformance handler in R (docs/conformance-handler.md), for lambdr: run this file; _HANDLER is conformance.
#
# lambdr spreads an event over the handler's arguments. This deserialiser passes the whole event as one, and its values
# as jsonlite reads them without simplifying, so that a list of one item stays a list.

read_event <- function(text) {
  list(event = if (nzchar(text)) jsonlite::fromJSON(text, simplifyVector = FALSE) else NULL)
}

write_result <- function(result) {
  jsonlite::toJSON(result, auto_unbox = TRUE, null = "null", digits = NA, force = FALSE)
}

begin <- function(given) {
  verb <- sub(":.*", "", given)
  text <- sub("^[^:]*:", "", given)
  if (verb == "raise") stop(text)
  if (verb == "exit") quit(save = "no", status = as.integer(text))
  if (verb == "print") tell(stdout(), text)
}

tell <- function(stream, text) {
  writeLines(text, stream)
  flush(stream)
}

variable <- function(name) {
  value <- Sys.getenv(name, unset = NA)
  if (is.na(value)) NULL else value
}

counts <- new.env()

count <- function(key) {
  assign(key, get0(key, counts, inherits = FALSE, ifnotfound = 0L) + 1L, counts)
  list(count = get(key, counts))
}

about <- function(context) {
  list(
    unsupported = list("remaining_ms", "client_title", "identity_id", "tenant_id"),
    request_id = context$aws_request_id,
    function_arn = context$invoked_function_arn,
    function_name = context$function_name,
    function_version = context$function_version,
    memory_mb = as.integer(context$memory_limit_in_mb),
    log_group = context$log_group_name,
    log_stream = context$log_stream_name,
    trace_id = variable("_X_AMZN_TRACE_ID")
  )
}

commands <- list(
  echo = function(event, context) event$value,
  raise = function(event, context) stop(event$message),
  exit = function(event, context) quit(save = "no", status = event$code),
  sleep = function(event, context) {
    Sys.sleep(event$ms / 1000)
    list(slept = event$ms)
  },
  env = function(event, context) {
    stats::setNames(lapply(event$names, variable), unlist(event$names))
  },
  context = function(event, context) about(context),
  print = function(event, context) {
    tell(if (identical(event$to, "stderr")) stderr() else stdout(), event$text)
    list(printed = event$text)
  },
  state = function(event, context) count(event$key),
  size = function(event, context) strrep("x", event$bytes),
  unserialisable = function(event, context) emptyenv()
)

conformance <- function(event, context) {
  if (!is.list(event) || is.null(event[["do"]])) {
    return(event)
  }
  command <- commands[[event$do]]
  if (is.null(command)) list(unsupported = event$do) else command(event, context)
}

begin(Sys.getenv("CONFORMANCE_INIT"))

if (requireNamespace("lambdr", quietly = TRUE)) {
  lambdr::start_lambda(config = lambdr::lambda_config(deserialiser = read_event, serialiser = write_result))
}
