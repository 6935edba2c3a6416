import CHeroLinux
import Glibc
import HeroKernel
import HeroModel
import TestSupport
import Testing

@testable import HeroLinux

@Suite(.ownThread) struct ProbeRunnerTests {
    private func probe(
        _ kernel: LinuxKernel,
        _ question: ProbeRequest.Question,
        timeout: Duration = .seconds(5),
        job: JobID = 1
    ) throws -> ProbeResult {
        kernel.startProbe(
            ProbeRequest(
                start: StartID(job: job, generation: 1),
                serial: 77,
                question: question,
                timeout: timeout,
                environment: [.texts(["PATH": "/usr/bin:/bin", "GREETING": "hi"])],
                workingDirectory: "/"
            )
        )
        var result: ProbeResult?
        try kernel.await("an answer") { event in
            guard case .start(let start, .probeFinished(serial: 77, let given)) = event, start.job == job else {
                return false
            }
            result = given
            return true
        }
        return try #require(result)
    }

    /// An HTTP server on a given address.
    private static let server = """
        import http.server, socket, socketserver, sys, os
        kind, place, status = sys.argv[1], sys.argv[2], int(sys.argv[3])
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(status if self.path == "/health" else 404)
                self.end_headers()
            def log_message(self, *a): pass
            def address_string(self): return "x"
        if kind in ("unix", "abstract"):
            class Server(socketserver.UnixStreamServer): pass
            s = Server(place if kind == "unix" else "\\0" + place, Handler)
        else:
            s = http.server.HTTPServer(("127.0.0.1", 0), Handler)
            with open(place + ".new", "w") as f: f.write(str(s.server_port))
            os.rename(place + ".new", place)
        s.serve_forever()
        """

    private func python(_ sandbox: Sandbox, _ job: JobID, _ arguments: [String]) -> LaunchRequest {
        sandbox.request(job, ["/usr/bin/python3", "-c", Self.server] + arguments)
    }

    @Test("TCP, HTTP and listening probes succeed only for the job that serves them")
    func tcpServer() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        let portFile = sandbox.folder + "/port"
        kernel.launch(python(sandbox, 1, ["tcp", portFile, "204"]))
        #expect(
            waitUntil(within: 20) {
                _ = kernel.nextEvents(until: kernel.now() + .milliseconds(5))
                return access(portFile, F_OK) == 0
            }
        )
        let port = try #require(readText(portFile).flatMap { UInt16($0) })
        let (server, own) = (HTTPTarget.Server.tcp(host: "localhost", port: port), TCPEndpoint(port: port))
        #expect(try probe(kernel, .probe(.tcp(own))) == .succeeded)
        #expect(try probe(kernel, .probe(.tcp(TCPEndpoint(host: "127.0.0.1", port: port)))) == .succeeded)
        #expect(try probe(kernel, .probe(.http(HTTPTarget(server, path: "/health")))) == .succeeded)
        #expect(
            try probe(kernel, .probe(.http(HTTPTarget(server, path: "/other"))))
                == .failed("http://localhost:\(port)/other responded with status 404")
        )
        #expect(try probe(kernel, .listening(sockets: [], ports: [own])) == .succeeded)
        #expect(
            try probe(kernel, .listening(sockets: [], ports: [TCPEndpoint(host: "127.0.0.2", port: port)]))
                == .failed("does not listen on tcp 127.0.0.2:\(port)")
        )
        // Another job does not serve the port because some process does.
        kernel.launch(sandbox.shellRequest(2, "exec sleep 600"))
        _ = try kernel.awaitStart(2)
        #expect(
            try probe(kernel, .listening(sockets: [], ports: [own]), job: 2)
                == .failed("does not listen on tcp \(port): another program does")
        )
        for job in [1, 2] as [JobID] {
            kernel.killTree(StartID(job: job, generation: 1))
            _ = try kernel.awaitEnd(job)
        }
        #expect(try probe(kernel, .probe(.tcp(own))) == .failed("cannot connect to tcp \(port): Connection refused"))
    }

    @Test("Unix socket, HTTP and listening probes work over a Unix socket")
    func unixServer() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        let path = sandbox.folder + "/sock"
        kernel.launch(python(sandbox, 1, ["unix", path, "200"]))
        _ = try kernel.awaitStart(1)
        var result = ProbeResult.failed("")
        #expect(
            try waitUntil {
                result = try probe(kernel, .listening(sockets: [path], ports: []))
                return result == .succeeded
            },
            "\(result)"
        )
        #expect(try probe(kernel, .probe(.unix(path))) == .succeeded)
        #expect(try probe(kernel, .probe(.http(HTTPTarget(.unix(path), path: "/health")))) == .succeeded)
        #expect(
            try probe(kernel, .listening(sockets: [path, path + "2"], ports: []))
                == .failed("does not listen on socket \(path)2")
        )
        try sandbox.write("plain", "")
        #expect(
            try probe(kernel, .probe(.unix(sandbox.folder + "/plain")))
                == .failed("cannot connect to socket \(sandbox.folder)/plain: Connection refused")
        )
        kernel.killTree(StartID(job: 1, generation: 1))
        _ = try kernel.awaitEnd(1)
        #expect(try probe(kernel, .listening(sockets: [path], ports: [])) == .failed("it is not running"))
    }

    @Test("Unix socket, HTTP and listening probes work over an abstract socket")
    func abstractServer() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        let name = "@heroproc-test-\(getpid())-\(sandbox.folder.split(separator: "/").last ?? "")"
        kernel.launch(python(sandbox, 1, ["abstract", String(name.dropFirst()), "200"]))
        _ = try kernel.awaitStart(1)
        var result = ProbeResult.failed("")
        #expect(
            try waitUntil {
                result = try probe(kernel, .listening(sockets: [name], ports: []))
                return result == .succeeded
            },
            "\(result)"
        )
        #expect(try probe(kernel, .probe(.unix(name))) == .succeeded)
        #expect(try probe(kernel, .probe(.http(HTTPTarget(.unix(name), path: "/health")))) == .succeeded)
        #expect(
            try probe(kernel, .listening(sockets: [name, name + "2"], ports: []))
                == .failed("does not listen on socket \(name)2")
        )
        kernel.killTree(StartID(job: 1, generation: 1))
        _ = try kernel.awaitEnd(1)
    }

    @Test("An HTTP probe sends its method and headers and compares the expected statuses")
    func httpRequest() throws {
        let server = HTTPTarget.Server.tcp(host: "127.0.0.1", port: 8080)
        #expect(
            ProbeConnection.request(HTTPTarget(server, path: "/a"))
                == "GET /a HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: heroproc\r\nAccept: */*\r\n"
                + "Connection: close\r\n\r\n"
        )
        let target = HTTPTarget(
            server,
            path: "/a",
            method: .post,
            headers: ["host": "b.org", "X-A": "1"],
            expected: [204]
        )
        #expect(
            ProbeConnection.request(target)
                == "POST /a HTTP/1.1\r\nUser-Agent: heroproc\r\nAccept: */*\r\nX-A: 1\r\nhost: b.org\r\n"
                + "Content-Length: 0\r\nConnection: close\r\n\r\n"
        )
        #expect(target.accepts(status: 204) && !target.accepts(status: 200))
    }

    @Test(
        "Interim responses are skipped until the final status",
        arguments: [
            ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n", .status(200)),
            ("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 404 Not Found\r\n", .status(404)),
            ("HTTP/1.1 100 Continue\n\nHTTP/1.1 102 Processing\n\nHTTP/1.1 204 No Content\n", .status(204)),
            ("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n", .incomplete), ("HTTP/1.1 100 Continue\r\n\r\n", .incomplete),
            ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 20", .incomplete), ("HTTP/1.1 101 Switching\r\n\r\n", .status(101)),
            ("HTTP/1.1 100 Continue\r\n\r\nhello\n", .invalid), ("hello\n", .invalid), ("", .incomplete),
            (String(repeating: "x", count: 5000), .invalid),
        ] as [(String, ProbeConnection.ResponseState)]
    )
    func interimResponses(_ response: String, _ expected: ProbeConnection.ResponseState) {
        #expect(ProbeConnection.parseResponse(Array(response.utf8)) == expected)
    }

    @Test("A server may send interim responses first, but not only these")
    func interimServer() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        let program = """
            import socket, sys
            s = socket.socket(socket.AF_UNIX); s.bind("\\0" + sys.argv[1]); s.listen(5)
            while True:
                c, _ = s.accept()
                path = (c.recv(4096).split() + [b"", b""])[1]
                hint = b"HTTP/1.1 103 Early Hints\\r\\nLink: </a>\\r\\n\\r\\n"
                try: c.sendall(hint * 4000 if path == b"/endless" else hint + b"HTTP/1.1 200 OK\\r\\n\\r\\n")
                except OSError: pass
                c.close()
            """
        let name = "@heroproc-hints-\(getpid())-\(sandbox.folder.split(separator: "/").last ?? "")"
        kernel.launch(sandbox.request(1, ["/usr/bin/python3", "-c", program, String(name.dropFirst())]))
        _ = try kernel.awaitStart(1)
        #expect(try waitUntil { try probe(kernel, .probe(.unix(name))) == .succeeded })
        #expect(try probe(kernel, .probe(.http(HTTPTarget(.unix(name), path: "/health")))) == .succeeded)
        #expect(
            try probe(kernel, .probe(.http(HTTPTarget(.unix(name), path: "/endless"))))
                == .failed("unix:\(name) /endless sent only interim responses")
        )
        kernel.killTree(StartID(job: 1, generation: 1))
        _ = try kernel.awaitEnd(1)
    }

    @Test("A probe of a silent server fails at its time limit")
    func silentServer() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        let listener = hl_listen_unix(sandbox.folder + "/silent")
        try #require(listener >= 0)
        defer { close(listener) }
        let before = kernel.now()
        let target = HTTPTarget(.unix(sandbox.folder + "/silent"), path: "/")
        #expect(
            try probe(kernel, .probe(.http(target)), timeout: .milliseconds(150))
                == .failed("unix:\(sandbox.folder)/silent / did not respond in time")
        )
        #expect(kernel.now() - before < .seconds(2))
    }

    @Test(
        "A command probe succeeds with exit code 0 and reports its errors otherwise",
        arguments: [
            (["true"], .succeeded),
            (["/bin/sh", "-c", "[ $GREETING = hi ] && [ \"$(pwd)\" = / ] && echo out"], .succeeded),
            (["/bin/sh", "-c", "echo broken >&2; exit 3"], .failed("`/bin/sh` ended with exit code 3: broken")),
            (["sh", "-c", "kill -9 $$"], .failed("`sh` was killed by signal KILL")),
        ] as [([String], ProbeResult)]
    )
    func command(_ arguments: [String], _ expected: ProbeResult) throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        #expect(try probe(kernel, .probe(.exec(arguments))) == expected)
    }

    @Test("A missing probe command is named")
    func missingCommand() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        guard case .failed(let reason) = try probe(kernel, .probe(.exec(["no-such-command"]))) else {
            Issue.record("yes")
            return
        }
        #expect(reason.hasPrefix("cannot run `no-such-command`"), "\(reason)")
    }

    @Test("The process group of a probe command is killed at its end (RS-5)")
    func commandGroup() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        let leave = "trap '' TERM; sleep 600 & echo $! > \(sandbox.folder)/pid"
        let cases: [(String, Duration, ProbeResult)] = [
            (leave + "; sleep 600", .seconds(3), .failed("the command did not end in time")),
            (leave, .seconds(60), .succeeded),
        ]
        for (script, limit, expected) in cases {
            unlink(sandbox.folder + "/pid")
            #expect(try probe(kernel, .probe(.exec(["sh", "-c", script])), timeout: limit) == expected)
            let pid = try #require(readText(sandbox.folder + "/pid").flatMap { Int32($0.trimmed) })
            #expect(waitUntil { ProcStat(of: pid)?.isDead ?? true })
        }
    }

    @Test("Processes that have left the session of a probe command are killed too (RS-5)")
    func commandEscapees() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        let script = "setsid sh -c 'echo $$ > \(sandbox.folder)/pid; exec sleep 600' & sleep 600"
        #expect(
            try probe(kernel, .probe(.exec(["sh", "-c", script])), timeout: .seconds(3))
                == .failed("the command did not end in time")
        )
        let pid = try #require(readText(sandbox.folder + "/pid").flatMap { Int32($0.trimmed) })
        #expect(waitUntil { ProcStat(of: pid)?.isDead ?? true })
    }

    @Test("The last 4 KiB of a probe command's errors are reported (RS-5)")
    func commandErrors() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        let script =
            "i=0; while [ $i -lt 20000 ]; do echo 0123456789 >&2; echo $i; i=$((i+1)); done; echo last >&2; exit 1"
        guard case .failed(let reason) = try probe(kernel, .probe(.exec(["sh", "-c", script])), timeout: .seconds(60))
        else {
            Issue.record("yes")
            return
        }
        #expect(reason.hasSuffix("last") && reason.utf8.count < 4200)
    }

    @Test(
        "A probe command runs as the user of its action without privileges (RS-5)",
        .enabled(if: geteuid() == 0, "only root can become another user")
    )
    func commandUser() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        let script = """
            [ "$(id -un)" = nobody ] && [ "$USER" = nobody ] && grep -q '^NoNewPrivs:.*1' /proc/self/status
            """
        for (user, isRight) in [("nobody", true), (nil, false)] as [(String?, Bool)] {
            var request = ProbeRequest(
                start: StartID(job: 1, generation: 1),
                serial: 78,
                question: .probe(.exec(["sh", "-c", script])),
                timeout: .seconds(20),
                environment: [.texts(["PATH": "/usr/bin:/bin"])],
                workingDirectory: "/"
            )
            request.rights = Rights(user: user)
            kernel.startProbe(request)
            try kernel.await("an answer") { event in
                guard case .start(_, .probeFinished(serial: 78, let result)) = event else { return false }
                #expect((result == .succeeded) == isRight, "\(result)")
                return true
            }
        }
    }

    @Test("A stopped probe has no result and its command is killed")
    func stopProbes() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        kernel.startProbe(
            ProbeRequest(
                start: StartID(job: 1, generation: 1),
                serial: 1,
                question: .probe(.exec(["sh", "-c", "echo $$ > \(sandbox.folder)/pid; exec sleep 600"])),
                timeout: .seconds(60),
                environment: [.texts(["PATH": "/usr/bin:/bin"])],
                workingDirectory: "/"
            )
        )
        #expect(waitUntil { readText(sandbox.folder + "/pid")?.hasSuffix("\n") == true })
        let pid = try #require(readText(sandbox.folder + "/pid").flatMap { Int32($0.trimmed) })
        kernel.stopProbe(1)
        #expect(waitUntil { ProcStat(of: pid)?.isDead ?? true })
        #expect(kernel.nextEvents(until: kernel.now() + .milliseconds(100)) == [])
    }

    @Test("Only an HTTP status line has a status code")
    func statusLine() {
        let lines: [(String, Int?)] = [
            ("HTTP/1.1 200 OK\r\n", 200), ("HTTP/1.0 404\n", 404), ("HTTP/1.1 2000 OK\r\n", nil), ("200 OK", nil),
            ("", nil), ("HTTP/1.1\r\n", nil), ("+PONG\r\n", nil),
        ]
        for (line, status) in lines { #expect(ProbeConnection.parseStatus(Array(line.utf8)) == status, "\(line)") }
    }
}
