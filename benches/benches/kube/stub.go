// An extender that decodes what it is asked and echoes the nodes: the least that one in Go does.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
)

type args struct {
	Pod       json.RawMessage
	Nodes     json.RawMessage
	NodeNames *[]string
}

type filtered struct {
	Nodes                      json.RawMessage
	NodeNames                  *[]string
	FailedNodes                map[string]string
	FailedAndUnresolvableNodes map[string]string
	Error                      string
}

type score struct {
	Host  string
	Score int64
}

func answer(w http.ResponseWriter, r *http.Request, make func(args) any) {
	body, err := io.ReadAll(r.Body)
	var asked args
	if err == nil {
		err = json.Unmarshal(body, &asked)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	reply, _ := json.Marshal(make(asked))
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(reply)))
	w.Write(reply)
}

func main() {
	http.HandleFunc("/scheduler/filter", func(w http.ResponseWriter, r *http.Request) {
		answer(w, r, func(asked args) any { return filtered{NodeNames: asked.NodeNames} })
	})
	http.HandleFunc("/scheduler/prioritize", func(w http.ResponseWriter, r *http.Request) {
		answer(w, r, func(asked args) any {
			scores := make([]score, 0, len(*asked.NodeNames))
			for _, name := range *asked.NodeNames {
				scores = append(scores, score{Host: name, Score: 5})
			}
			return scores
		})
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(listener.Addr())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	http.Serve(listener, nil)
}
