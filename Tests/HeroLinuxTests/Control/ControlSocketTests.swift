import Glibc
import HeroKernel
import HeroModel
import Synchronization
import TestSupport
import Testing

@testable import HeroLinux

@Suite(.ownThread) struct ControlSocketTests {
    private func request(_ kernel: LinuxKernel) throws -> (id: RequestID, message: [UInt8]) {
        try kernel.awaitValue("a request") { event in
            guard case .requestReceived(let id, let message) = event else { return nil }
            return (id, message)
        }
    }

    @Test("A control request, its reply lines and the end of the connection are delivered")
    func exchange() throws {
        let sandbox = try Sandbox()
        #expect(try ControlClient.connect(sandbox.paths) == nil)
        let kernel = try sandbox.kernel()
        let client = try #require(try ControlClient.connect(sandbox.paths))
        try client.send(Array("hello".utf8))
        let (id, message) = try request(kernel)
        #expect(message == Array("hello".utf8))
        #expect(client.nextLine(timeout: .milliseconds(10)) == .timedOut)
        kernel.reply(id, Array("one".utf8), isLast: false)
        kernel.reply(id, Array("two".utf8), isLast: true)
        #expect(client.nextLine(timeout: .seconds(5)) == .line(Array("one".utf8)))
        #expect(client.nextLine(timeout: .seconds(5)) == .line(Array("two".utf8)))
        #expect(client.nextLine(timeout: .seconds(5)) == .ended)
        #expect(kernel.nextEvents(until: kernel.now()) == [])
    }

    @Test("A request that an exiting reconciler has not read is reported as unread")
    func unreadRequest() throws {
        let sandbox = try Sandbox()
        var kernel: LinuxKernel? = try sandbox.kernel()
        let waiting = try #require(try ControlClient.connect(sandbox.paths))
        let late = try #require(try ControlClient.connect(sandbox.paths))
        try waiting.send(Array("hello".utf8))
        withExtendedLifetime(kernel) {}
        kernel = nil
        #expect(waiting.nextLine(timeout: .seconds(5)) == .unread)
        #expect(throws: ControlClient.unreadError) { try late.send(Array("hello".utf8)) }
    }

    @Test("Large control requests and replies are delivered completely")
    func largeMessages() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        let client = try #require(try ControlClient.connect(sandbox.paths))
        let large = [UInt8](repeating: UInt8(ascii: "x"), count: 10_000_000)
        let thread = Task { [client = Transfer(client)] in try client.value.send(large, timeout: .seconds(20)) }
        let (id, message) = try request(kernel)
        #expect(message == large)
        thread.cancel()
        kernel.reply(id, large, isLast: true)
        let reader = Box<[ControlClient.Line]>([])
        let second = Task { [client = Transfer(client)] in
            reader.set([client.value.nextLine(timeout: .seconds(20)), client.value.nextLine(timeout: .seconds(20))])
        }
        _ = second
        #expect(
            waitUntil(within: 20) {
                _ = kernel.nextEvents(until: kernel.now() + .milliseconds(5))
                return !reader.get().isEmpty
            }
        )
        #expect(reader.get() == [.line(large), .ended])
    }

    @Test("Several messages in one write are separate requests, and a disconnect is reported")
    func severalMessages() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        var client = try ControlClient.connect(sandbox.paths)
        try client?.send(Array("a\nb\nhalf".utf8.dropLast(4)) + Array("c".utf8))
        client = nil
        var messages: [String] = []
        var hungUp = false
        try kernel.await("the end of the connection") { event in
            switch event {
            case .requestReceived(_, let message): messages.append(String(decoding: message, as: UTF8.self))
            case .clientDisconnected: hungUp = true
            default: break
            }
            return hungUp
        }
        #expect(messages == ["a", "b", "c"])
    }

    @Test("The control socket is private, and a stale one is replaced (AP-1)")
    func socketFile() throws {
        let sandbox = try Sandbox()
        for _ in 0..<2 {
            let kernel = try sandbox.kernel()
            var file = stat()
            #expect(stat(sandbox.paths.controlSocket, &file) == 0)
            #expect(file.st_mode & 0o777 == 0o600)
            #expect(try ControlClient.connect(sandbox.paths) != nil)
            _ = kernel.now()
        }
    }

    @Test("Control connections beyond the limit are closed, and earlier ones still work (AP-3)")
    func connectionLimit() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        let first = try #require(try ControlClient.connect(sandbox.paths))
        var others: [ControlClient] = []
        for _ in 0..<100 { if let one = try ControlClient.connect(sandbox.paths) { others.append(one) } }
        #expect(kernel.nextEvents(until: kernel.now() + .milliseconds(20)) == [])
        try first.send(Array("still here".utf8))
        #expect(try request(kernel).message == Array("still here".utf8))
        #expect(others.last?.nextLine(timeout: .seconds(5)) == .ended)
    }
}

/// Moves a value to another thread, which alone uses it from then on.
struct Transfer<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}

/// A value that is shared by threads.
final class Box<Value: Sendable>: Sendable {
    private let value: Mutex<Value>
    init(_ value: Value) { self.value = Mutex(value) }
    func set(_ new: Value) { value.withLock { $0 = new } }
    func get() -> Value { value.withLock { $0 } }
}
