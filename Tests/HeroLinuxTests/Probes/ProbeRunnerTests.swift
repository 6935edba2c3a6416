import CHeroLinux
import Glibc
import HeroKernel
import HeroModel
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
        var answer: ProbeResult?
        try kernel.await("an answer") { event in
            guard case .probeFinished(let start, serial: 77, let given) = event, start.job == job else { return false }
            answer = given
            return true
        }
        return try #require(answer)
    }

    /// A program that listens on what it is told, and answers HTTP.
    private static let server = """
        import http.server, socket, socketserver, sys, os
        kind, place, status = sys.argv[1], sys.argv[2], int(sys.argv[3])
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(status if self.path == "/health" else 404)
                self.end_headers()
            def log_message(self, *a): pass
            def address_string(self): return "x"
        if kind == "unix":
            class Server(socketserver.UnixStreamServer): pass
            s = Server(place, Handler)
        else:
            s = http.server.HTTPServer(("127.0.0.1", 0), Handler)
            with open(place + ".new", "w") as f: f.write(str(s.server_port))
            os.rename(place + ".new", place)
        s.serve_forever()
        """

    private func python(_ sandbox: Sandbox, _ job: JobID, _ arguments: [String]) -> LaunchRequest {
        sandbox.request(job, ["/usr/bin/python3", "-c", Self.server] + arguments)
    }

    @Test("tcp, http and listening: yes only of a server that does")
    func tcpServer() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        let portFile = sandbox.folder + "/port"
        kernel.launch(python(sandbox, 1, ["tcp", portFile, "204"]))
        #expect(
            eventually(20) {
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
                == .failed("http://localhost:\(port)/other answered with status 404")
        )
        #expect(try probe(kernel, .listening(sockets: [], ports: [own])) == .succeeded)
        #expect(
            try probe(kernel, .listening(sockets: [], ports: [TCPEndpoint(host: "127.0.0.2", port: port)]))
                == .failed("does not listen on tcp 127.0.0.2:\(port)")
        )
        // Another job does not listen just because somebody does.
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

    @Test("unix sockets: http over them, listening, and what is none")
    func unixServer() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        let path = sandbox.folder + "/sock"
        kernel.launch(python(sandbox, 1, ["unix", path, "200"]))
        _ = try kernel.awaitStart(1)
        var answer = ProbeResult.failed("")
        #expect(
            try eventuallyTry {
                answer = try probe(kernel, .listening(sockets: [path], ports: []))
                return answer == .succeeded
            },
            "\(answer)"
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

    @Test("a server that accepts and says nothing is a no in time")
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
                == .failed("unix:\(sandbox.folder)/silent / did not answer in time")
        )
        #expect(kernel.now() - before < .seconds(2))
    }

    @Test(
        "commands: exit code 0 is yes, all else is no with its last words",
        arguments: [
            (["true"], .succeeded),
            (["/bin/sh", "-c", "[ $GREETING = hi ] && [ \"$(pwd)\" = / ] && echo out"], .succeeded),
            (["/bin/sh", "-c", "echo broken >&2; exit 3"], .failed("`/bin/sh` ended with exit code 3: broken")),
            (["sh", "-c", "kill -9 $$"], .failed("`sh` was ended by signal KILL")),
        ] as [([String], ProbeResult)]
    )
    func command(_ arguments: [String], _ expected: ProbeResult) throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        #expect(try probe(kernel, .probe(.exec(arguments))) == expected)
    }

    @Test("a command that is not there says so")
    func missingCommand() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        guard case .failed(let reason) = try probe(kernel, .probe(.exec(["no-such-command"]))) else {
            Issue.record("yes")
            return
        }
        #expect(reason.hasPrefix("cannot run `no-such-command`"), "\(reason)")
    }

    @Test("RS-5: a command over its time is ended with its whole group, and so is what a good one leaves behind")
    func commandTree() throws {
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
            #expect(eventually { ProcStat(of: pid)?.isDead ?? true })
        }
    }

    @Test("RS-5: at its time limit a command takes along what has left its session and its process group")
    func commandEscapees() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        let script = "setsid sh -c 'echo $$ > \(sandbox.folder)/pid; exec sleep 600' & sleep 600"
        #expect(
            try probe(kernel, .probe(.exec(["sh", "-c", script])), timeout: .seconds(3))
                == .failed("the command did not end in time")
        )
        let pid = try #require(readText(sandbox.folder + "/pid").flatMap { Int32($0.trimmed) })
        #expect(eventually { ProcStat(of: pid)?.isDead ?? true })
    }

    @Test("RS-5: of what a command says the last 4 KiB are kept, and it never waits for us")
    func commandOutput() throws {
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
        "RS-5: a command runs as the user of its action, with nothing more",
        .enabled(if: geteuid() == 0, "only root can become another user")
    )
    func commandUser() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        let script = """
            [ "$(id -un)" = nobody ] && [ "$USER" = nobody ] && grep -q '^NoNewPrivs:.*1' /proc/self/status
            """
        for (user, isRight) in [("nobody", true), (nil, false)] as [(String?, Bool)] {
            var order = ProbeRequest(
                start: StartID(job: 1, generation: 1),
                serial: 78,
                question: .probe(.exec(["sh", "-c", script])),
                timeout: .seconds(20),
                environment: [.texts(["PATH": "/usr/bin:/bin"])],
                workingDirectory: "/"
            )
            order.rights = Rights(user: user)
            kernel.startProbe(order)
            try kernel.await("an answer") { event in
                guard case .probeFinished(_, serial: 78, let answer) = event else { return false }
                #expect((answer == .succeeded) == isRight, "\(answer)")
                return true
            }
        }
    }

    @Test("who is no longer asked about is not answered, and its command ends")
    func stopAsking() throws {
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
        #expect(eventually { readText(sandbox.folder + "/pid")?.hasSuffix("\n") == true })
        let pid = try #require(readText(sandbox.folder + "/pid").flatMap { Int32($0.trimmed) })
        kernel.stopProbe(1)
        #expect(eventually { ProcStat(of: pid)?.isDead ?? true })
        #expect(kernel.nextEvents(until: kernel.now() + .milliseconds(100)) == [])
    }

    @Test("only a status line of HTTP is a status")
    func statusLine() {
        let lines: [(String, Int?)] = [
            ("HTTP/1.1 200 OK\r\n", 200), ("HTTP/1.0 404\n", 404), ("HTTP/1.1 2000 OK\r\n", nil), ("200 OK", nil),
            ("", nil), ("HTTP/1.1\r\n", nil), ("+PONG\r\n", nil),
        ]
        for (line, status) in lines { #expect(ProbeConnection.parseStatus(Array(line.utf8)) == status, "\(line)") }
    }

    private func eventuallyTry(_ isTrue: () throws -> Bool) throws -> Bool {
        for _ in 0..<500 {
            if try isTrue() { return true }
            usleep(20_000)
        }
        return false
    }
}
