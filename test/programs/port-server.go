// The program of the old documents, as port-server.c: it takes a port and, when that is taken, the next one. It closes first.
package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"syscall"
)

func main() {
	port, _ := strconv.Atoi(os.Args[1])
	for {
		listener, err := net.Listen("tcp4", fmt.Sprintf(":%d", port))
		if errors.Is(err, syscall.EADDRINUSE) {
			port++
			continue
		}
		if err != nil {
			panic(err)
		}
		fmt.Printf("listening on %d\n", port)
		for {
			connection, err := listener.Accept()
			if err != nil {
				panic(err)
			}
			request := make([]byte, 512)
			if count, _ := connection.Read(request); count > 0 {
				fmt.Fprintf(connection, "%d %d\n", os.Getpid(), port)
			}
			connection.Close()
		}
	}
}
