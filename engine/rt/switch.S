/*
 * switch.S: void fiber_switch_stacks(void **save, void *load)
 *
 * Saves what the calling convention makes a callee preserve on the stack in use, leaves that stack
 * for the one at `load`, and returns there. The floating-point control words are not switched: all
 * fibers run under the same ones. fiber_start() builds a stack that looks as if it had been left here.
 */
#if defined(__x86_64__)
	.text
	.globl	fiber_switch_stacks
	.type	fiber_switch_stacks, @function
	.p2align 4
fiber_switch_stacks:
	.cfi_startproc
	pushq	%rbp
	pushq	%rbx
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	movq	%rsp, (%rdi)
	movq	%rsi, %rsp
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbx
	popq	%rbp
	ret
	.cfi_endproc
	.size	fiber_switch_stacks, .-fiber_switch_stacks
#elif defined(__aarch64__)
	.text
	.globl	fiber_switch_stacks
	.type	fiber_switch_stacks, %function
	.p2align 4
fiber_switch_stacks:
	sub	sp, sp, #160
	stp	x19, x20, [sp, #0]
	stp	x21, x22, [sp, #16]
	stp	x23, x24, [sp, #32]
	stp	x25, x26, [sp, #48]
	stp	x27, x28, [sp, #64]
	stp	x29, x30, [sp, #80]
	stp	d8, d9, [sp, #96]
	stp	d10, d11, [sp, #112]
	stp	d12, d13, [sp, #128]
	stp	d14, d15, [sp, #144]
	mov	x9, sp
	str	x9, [x0]
	mov	sp, x1
	ldp	x19, x20, [sp, #0]
	ldp	x21, x22, [sp, #16]
	ldp	x23, x24, [sp, #32]
	ldp	x25, x26, [sp, #48]
	ldp	x27, x28, [sp, #64]
	ldp	x29, x30, [sp, #80]
	ldp	d8, d9, [sp, #96]
	ldp	d10, d11, [sp, #112]
	ldp	d12, d13, [sp, #128]
	ldp	d14, d15, [sp, #144]
	add	sp, sp, #160
	ret
	.size	fiber_switch_stacks, .-fiber_switch_stacks
#endif
	.section .note.GNU-stack, "", %progbits
