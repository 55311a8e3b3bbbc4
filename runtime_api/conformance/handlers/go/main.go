// The conformance handler in Go (docs/conformance-handler.md), for github.com/aws/aws-lambda-go.
// Build: GOOS=linux CGO_ENABLED=0 go build -tags lambda.norpc -o bootstrap main.go
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type command struct {
	Do      string          `json:"do"`
	Value   json.RawMessage `json:"value"`
	Message string          `json:"message"`
	Code    int             `json:"code"`
	Ms      int             `json:"ms"`
	Names   []string        `json:"names"`
	Text    string          `json:"text"`
	To      string          `json:"to"`
	Key     string          `json:"key"`
	Bytes   int             `json:"bytes"`
}

var (
	mutex  sync.Mutex
	counts = map[string]int{}
)

func handle(ctx context.Context, event json.RawMessage) (any, error) {
	var keys map[string]json.RawMessage
	if json.Unmarshal(event, &keys) != nil || keys["do"] == nil {
		return event, nil
	}
	var c command
	if err := json.Unmarshal(event, &c); err != nil {
		return nil, err
	}
	switch c.Do {
	case "echo":
		return c.Value, nil
	case "raise":
		return nil, errors.New(c.Message)
	case "exit":
		os.Exit(c.Code)
	case "sleep":
		time.Sleep(time.Duration(c.Ms) * time.Millisecond)
		return map[string]int{"slept": c.Ms}, nil
	case "env":
		found := map[string]any{}
		for _, name := range c.Names {
			found[name] = nil
			if value, ok := os.LookupEnv(name); ok {
				found[name] = value
			}
		}
		return found, nil
	case "context":
		return about(ctx), nil
	case "print":
		var to io.Writer = os.Stdout
		if c.To == "stderr" {
			to = os.Stderr
		}
		fmt.Fprintln(to, c.Text)
		return map[string]string{"printed": c.Text}, nil
	case "state":
		mutex.Lock()
		defer mutex.Unlock()
		counts[c.Key]++
		return map[string]int{"count": counts[c.Key]}, nil
	case "size":
		return strings.Repeat("x", c.Bytes), nil
	case "unserialisable":
		return make(chan int), nil
	}
	return map[string]string{"unsupported": c.Do}, nil
}

func about(ctx context.Context) map[string]any {
	found := map[string]any{
		"function_name":    lambdacontext.FunctionName,
		"function_version": lambdacontext.FunctionVersion,
		"memory_mb":        lambdacontext.MemoryLimitInMB,
		"log_group":        lambdacontext.LogGroupName,
		"log_stream":       lambdacontext.LogStreamName,
		"unsupported":      []string{"tenant_id"},
	}
	if trace, ok := os.LookupEnv("_X_AMZN_TRACE_ID"); ok {
		found["trace_id"] = trace
	}
	if deadline, ok := ctx.Deadline(); ok {
		found["remaining_ms"] = time.Until(deadline).Milliseconds()
	}
	if given, ok := lambdacontext.FromContext(ctx); ok {
		found["request_id"] = given.AwsRequestID
		found["function_arn"] = given.InvokedFunctionArn
		if title := given.ClientContext.Client.AppTitle; title != "" {
			found["client_title"] = title
		}
		if id := given.Identity.CognitoIdentityID; id != "" {
			found["identity_id"] = id
		}
	}
	return found
}

func main() {
	verb, text, _ := strings.Cut(os.Getenv("CONFORMANCE_INIT"), ":")
	switch verb {
	case "raise":
		panic(text)
	case "exit":
		code, _ := strconv.Atoi(text)
		os.Exit(code)
	case "print":
		fmt.Println(text)
	}
	lambda.Start(handle)
}
