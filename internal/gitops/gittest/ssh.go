package gittest

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"regexp"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// SSH serves the bare repositories below a directory over ssh, by the git
// program's own upload-pack and receive-pack.
type SSH struct {
	Address    string // 127.0.0.1:port
	KnownHosts string // the line of a known_hosts file that vouches for it
	listener   net.Listener
}

// ServeSSH starts a server on a free loopback port that lets in whoever holds
// the key. A repository called fleet.git is at ssh://git@Address/fleet.git.
func ServeSSH(ctx context.Context, dir string, allowed ssh.PublicKey) (*SSH, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("serve ssh: %w", err)
	}
	host, err := ssh.NewSignerFromKey(private)
	if err != nil {
		return nil, fmt.Errorf("serve ssh: %w", err)
	}
	config := &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if string(key.Marshal()) != string(allowed.Marshal()) {
			return nil, errors.New("who are you?")
		}
		return nil, nil
	}}
	config.AddHostKey(host)
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("serve ssh: %w", err)
	}
	s := &SSH{Address: listener.Addr().String(), listener: listener}
	s.KnownHosts = knownhosts.Line([]string{knownhosts.Normalize(s.Address)}, host.PublicKey())
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go serveSSH(ctx, conn, config, dir)
		}
	}()
	return s, nil
}

// Close stops the server; connections end with their clients.
func (s *SSH) Close() error { return s.listener.Close() }

func serveSSH(ctx context.Context, conn net.Conn, config *ssh.ServerConfig, dir string) {
	defer conn.Close() //nolint:errcheck // the client is gone
	_, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for c := range channels {
		if c.ChannelType() != "session" {
			_ = c.Reject(ssh.UnknownChannelType, "only sessions")
			continue
		}
		channel, asked, err := c.Accept()
		if err != nil {
			return
		}
		go runGit(ctx, channel, asked, dir)
	}
}

var gitCommand = regexp.MustCompile(`^(git-upload-pack|git-receive-pack) '/?([A-Za-z0-9._/-]+)'$`)

// runGit answers a session's one exec request.
func runGit(ctx context.Context, channel ssh.Channel, requests <-chan *ssh.Request, dir string) {
	defer channel.Close() //nolint:errcheck // the client is gone
	for r := range requests {
		if r.Type != "exec" || len(r.Payload) < 4 {
			_ = r.Reply(r.Type == "env", nil)
			continue
		}
		length := min(int(binary.BigEndian.Uint32(r.Payload)), len(r.Payload)-4)
		m := gitCommand.FindStringSubmatch(string(r.Payload[4 : 4+length]))
		_ = r.Reply(m != nil, nil)
		if m == nil {
			return
		}
		cmd := exec.CommandContext(ctx, "git", m[1][len("git-"):], filepath.Join(dir, filepath.FromSlash(m[2])))
		cmd.Env = environ()
		cmd.Stdout, cmd.Stderr = channel, channel.Stderr()
		stdin, err := cmd.StdinPipe() // Wait must not wait for the client to stop talking
		if err == nil {
			err = cmd.Start()
		}
		if err == nil {
			go func() {
				_, _ = io.Copy(stdin, channel)
				_ = stdin.Close()
			}()
			err = cmd.Wait()
		}
		status := make([]byte, 4)
		if err != nil {
			status[3] = 1
		}
		_, _ = channel.SendRequest("exit-status", false, status)
		return
	}
}
