import CHeroLinux
import Glibc
import HeroKernel
import HeroModel
import TestSupport
import Testing

@testable import HeroLinux

/// Probes during a delay of the event loop.
@Suite(.ownThread) struct EventLoopDelayTests {
    /// A server that responds to each request at once and sends nothing before.
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

    @Test("A probe that is late because of a delayed event loop does not fail (TM-2)")
    func delayedRequest() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        let path = sandbox.folder + "/sock"
        kernel.launch(sandbox.request(1, ["/usr/bin/python3", "-c", Self.server, path]))
        _ = try kernel.awaitStart(1)
        #expect(waitUntil(within: 20) { access(path, F_OK) == 0 })
        var result: ProbeResult?
        // The socket file exists a moment before the server listens.
        for serial in 1...100 as ClosedRange<UInt64> where result != .succeeded {
            kernel.startProbe(
                probeRequest(serial, .probe(.http(HTTPTarget(.unix(path), path: "/"))), timeout: .milliseconds(300))
            )
            // The connection is established, and then the event loop is delayed for longer than the time limit.
            hl_sleep(400_000_000)
            result = try self.awaitAnswer(kernel, serial)
            if case .failed(let reason) = result, reason.contains("in time") { break }
        }
        #expect(result == .succeeded)
        kernel.killTree(StartID(job: 1, generation: 1))
        _ = try kernel.awaitEnd(1)
    }

    @Test("A silent server fails a delayed probe one time limit later (TM-2)")
    func silentServer() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        let listener = hl_listen_unix(sandbox.folder + "/silent")
        try #require(listener >= 0)
        defer { close(listener) }
        let target = HTTPTarget(.unix(sandbox.folder + "/silent"), path: "/")
        kernel.startProbe(probeRequest(1, .probe(.http(target)), timeout: .milliseconds(100)))
        hl_sleep(300_000_000)
        guard case .failed(let reason) = try awaitAnswer(kernel, 1) else {
            Issue.record("the probe succeeded")
            return
        }
        #expect(reason.contains("did not respond in time"))
    }

    @Test("The number of available descriptors agrees with the kernel (RX-1)")
    func availableDescriptors() throws {
        var limit = rlimit()
        #expect(getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
        // Other tests in this process open and close descriptors meanwhile.
        let open = try #require(listDirectory("/proc/self/fd")?.count)
        let left = FileDescriptors.available
        #expect(left == .max || abs(Int(limit.rlim_cur) - open - left) < 200, "\(left)")
        #expect(FileDescriptors.openError == nil)
        #expect(
            MachineShortage.isOfResources(EMFILE) && MachineShortage.isOfResources(ENFILE)
                && !MachineShortage.isOfResources(ECONNREFUSED) && !MachineShortage.isOfResources(EAGAIN)
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
        var result: ProbeResult?
        try kernel.await("an answer") { event in
            guard case .start(_, .probeFinished(serial: serial, let given)) = event else { return false }
            result = given
            return true
        }
        return try #require(result)
    }
}
