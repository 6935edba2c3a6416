import CHeroLinux
import Glibc
import HeroKernel
import HeroModel
import Testing

@testable import HeroLinux

/// A loop that did not get to run for a while.
@Suite(.ownThread) struct EventLoopDelayTests {
    /// Answers each request at once, and says nothing before it was asked.
    private static let server = """
        import http.server, socketserver, sys
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.end_headers()
            def log_message(self, *a): pass
            def address_string(self): return "x"
        class Server(socketserver.UnixStreamServer): pass
        Server(sys.argv[1], Handler).serve_forever()
        """

    @Test("TM-2: a probe that could not take its next step in time is not a no: the other side was never asked")
    func http() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        let path = sandbox.folder + "/sock"
        kernel.launch(sandbox.request(1, ["/usr/bin/python3", "-c", Self.server, path]))
        _ = try kernel.awaitStart(1)
        #expect(eventually(20) { access(path, F_OK) == 0 })
        var answer: ProbeResult?
        // The socket file is there a moment before anybody listens.
        for serial in 1...100 as ClosedRange<UInt64> where answer != .succeeded {
            kernel.startProbe(
                probeRequest(serial, .probe(.http(HTTPTarget(.unix(path), path: "/"))), timeout: .milliseconds(300))
            )
            // Connected, and then nobody looks for longer than the answer may take.
            hl_sleep(400_000_000)
            answer = try self.awaitAnswer(kernel, serial)
            if case .failed(let reason) = answer, reason.contains("in time") { break }
        }
        #expect(answer == .succeeded)
        kernel.killTree(StartID(job: 1, generation: 1))
        _ = try kernel.awaitEnd(1)
    }

    @Test("TM-2: a server that says nothing is a no all the same, one time limit later")
    func silent() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        let listener = hl_listen_unix(sandbox.folder + "/silent")
        try #require(listener >= 0)
        defer { close(listener) }
        let target = HTTPTarget(.unix(sandbox.folder + "/silent"), path: "/")
        kernel.startProbe(probeRequest(1, .probe(.http(target)), timeout: .milliseconds(100)))
        hl_sleep(300_000_000)
        guard case .failed(let reason) = try awaitAnswer(kernel, 1) else {
            Issue.record("it said yes")
            return
        }
        #expect(reason.contains("did not answer in time"))
    }

    @Test("RX-1: how many descriptors are left is what the kernel counts")
    func room() throws {
        var limit = rlimit()
        #expect(getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
        // Other tests of this process open and close theirs meanwhile.
        let open = try #require(listDirectory("/proc/self/fd")?.count)
        let left = FileDescriptorBudget.available
        #expect(left == .max || abs(Int(limit.rlim_cur) - open - left) < 200, "\(left)")
        #expect(FileDescriptorBudget.openError == nil)
        #expect(
            FileDescriptorBudget.isExhaustion(EMFILE) && FileDescriptorBudget.isExhaustion(ENFILE)
                && !FileDescriptorBudget.isExhaustion(ECONNREFUSED) && !FileDescriptorBudget.isExhaustion(EAGAIN)
        )
    }

    private func probeRequest(_ serial: UInt64, _ question: ProbeRequest.Question, timeout: Duration) -> ProbeRequest {
        ProbeRequest(
            start: StartID(job: 1, generation: 1),
            serial: serial,
            question: question,
            timeout: timeout,
            environment: [.texts(["PATH": "/usr/bin:/bin"])],
            workingDirectory: "/"
        )
    }

    private func awaitAnswer(_ kernel: LinuxKernel, _ serial: UInt64) throws -> ProbeResult {
        var answer: ProbeResult?
        try kernel.await("an answer") { event in
            guard case .probeFinished(_, serial: serial, let given) = event else { return false }
            answer = given
            return true
        }
        return try #require(answer)
    }
}
