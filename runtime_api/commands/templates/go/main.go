// A Lambda runtime in Go: asks for an event, calls handle, and posts what that returns.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"runtime/debug"
)

// handle is the function: it gets its event, and the headers that came with it.
func handle(event json.RawMessage, headers http.Header) (any, error) {
	log.Print("the deadline is ", headers.Get("Lambda-Runtime-Deadline-Ms"))
	return map[string]any{"you sent": event}, nil
}

var api = "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime"

func main() {
	log.SetFlags(0)
	for {
		// The default client has no time limit, and /next takes until there is an event.
		answer, err := http.Get(api + "/invocation/next")
		if err != nil {
			log.Fatal(err)
		}
		event, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != http.StatusOK {
			log.Fatalf("/invocation/next: %s %s %v", answer.Status, event, err)
		}
		os.Setenv("_X_AMZN_TRACE_ID", answer.Header.Get("Lambda-Runtime-Trace-Id"))
		id := answer.Header.Get("Lambda-Runtime-Aws-Request-Id")
		if id == "" {
			log.Fatal("/invocation/next: an event without a request id")
		}
		invocation := "/invocation/" + id
		if result, err := run(event, answer.Header); err != nil {
			log.Print(err)
			post(invocation+"/error", answer.Header, map[string]string{"errorMessage": err.Error(), "errorType": "Function.Failed"})
		} else {
			post(invocation+"/response", answer.Header, result)
		}
	}
}

// run turns what goes wrong in the function into an error.
func run(event []byte, headers http.Header) (result json.RawMessage, err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("panic: %v\n%s", panicked, debug.Stack())
		}
	}()
	value, err := handle(event, headers)
	if err != nil {
		return nil, err
	}
	return json.Marshal(value)
}

// post sends a result; it repeats the invocation id of the event, if there is one.
func post(path string, event http.Header, document any) {
	body, err := json.Marshal(document)
	if err != nil {
		log.Fatal(err)
	}
	request, err := http.NewRequest(http.MethodPost, api+path, bytes.NewReader(body))
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if id := event.Get("Lambda-Runtime-Invocation-Id"); id != "" {
		request.Header.Set("Lambda-Runtime-Invocation-Id", id)
	}
	if failed, ok := document.(map[string]string); ok {
		request.Header.Set("Lambda-Runtime-Function-Error-Type", failed["errorType"])
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	io.Copy(io.Discard, answer.Body) // so that the connection can be used again
	answer.Body.Close()
	if answer.StatusCode == http.StatusInternalServerError {
		log.Fatalf("%s: %s", path, answer.Status) // nothing can go on
	}
}
