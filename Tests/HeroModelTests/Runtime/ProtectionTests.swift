import HeroModel
import Testing

@Suite("Protection of processes")
struct ProtectionTests {
    @Test("Each kind of protected process is recognised by one fact, and the first one counts (RC-2)")
    func kinds() {
        let rows: [(Int32, (inout ProcessFacts) -> Void, Protection?)] = [
            (1, { _ in }, .pidOne), (9, { $0.isReconciler = true }, .reconciler),
            (9, { $0.isReconcilerAncestor = true }, .ancestor), (9, { $0.isKernelThread = true }, .kernelThread),
            (9, { $0.isShim = true }, .shim), (9, { $0.hasShimAncestor = true }, .job),
            (9, { $0.isInOtherPIDNamespace = true }, .container),
            (9, { $0.programName = "docker-proxy" }, .portForwarder),
            (9, { $0.programName = "rootlessport" }, .portForwarder),
            (9, { $0.programName = "rootlesskit" }, .portForwarder), (9, { $0.isSignalForbidden = true }, .otherUser),
            (9, { $0.programName = "nginx" }, nil), (9, { _ in }, nil),
            (9, { ($0.isShim, $0.hasShimAncestor) = (true, true) }, .shim),
            (9, { ($0.hasShimAncestor, $0.isInOtherPIDNamespace) = (true, true) }, .job),
            (9, { ($0.programName, $0.isSignalForbidden) = ("docker-proxy", true) }, .portForwarder),
            (1, { ($0.isReconciler, $0.isReconcilerAncestor) = (true, true) }, .pidOne),
        ]
        for (row, (pid, change, expected)) in rows.enumerated() {
            var facts = ProcessFacts(pid: pid)
            change(&facts)
            #expect(Protection(facts) == expected, "row \(row)")
        }
    }
}
