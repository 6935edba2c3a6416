import Foundation
import Glibc
import Testing

/// kill -9 of a shim: its service comes back, and there are never two.
@Suite("Deaths of shims", .serialized)
struct ShimTests {
    @Test("SH-4: ten times kill -9 of a shim: the job comes back, and its dependents are not touched")
    func killed() async throws {
        try await World.with { world in
            try world.declare("db", does: .process("lines 100 fork 1", "retry: {delay: 0ms, jitter: 0}"))
            try world.declare("web", "requires: [db]")
            try await world.apply()
            let web = try await world.life("web")
            var life = try await world.life("db")
            let job = life.job
            for number in 1...10 {
                #expect(kill(try #require(shimAbove(life.pid)), SIGKILL) == 0)
                let next = try await world.life("db", number: number + 1)
                #expect(next.job == job && next.restarts == number)
                #expect(!isAlive(life.pid))
                life = next
            }
            #expect(try await world.life("web", number: 1) == web)
            // Each child shared the lock of its oracle: had one outlived it, the next start would have been a DUP.
            #expect(!world.lives("db").dropLast().flatMap(\.children).contains(where: isAlive))
            try await world.expectNoDifference()
        }
    }

    @Test("SH-5: reconciler and shim killed together: what is left of the service ends before it is started again")
    func killedTogether() async throws {
        try await World.with { world in
            try world.declare("db", does: .process("lines 100", "retry: {delay: 0ms, jitter: 0}"))
            try await world.apply()
            var life = try await world.life("db")
            let job = life.job
            for number in 1...5 {
                let shim = try #require(shimAbove(life.pid))
                try await world.killReconciler()
                #expect(kill(shim, SIGKILL) == 0)
                try await eventually("the shim is gone") { !isAlive(shim) }
                #expect(isAlive(life.pid), "an orphan lives on")
                try await world.apply()
                let next = try await world.life("db", number: number + 1)
                #expect(next.job == job && next.restarts == number)
                #expect(!isAlive(life.pid))
                life = next
            }
            try await world.expectNoDifference()
        }
    }
}
