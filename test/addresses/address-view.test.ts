import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { addressView, normaliseDomain, recipientView, withoutLabel } from '../../lib/addresses/index.ts';
import { addressFault } from '../../lib/addresses/address-view.ts';
import { threadTime } from '../support/processor-time.ts';

describe('addressView', () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['User@Example.COM', 'user@example.com'],
    ['first.last@example.com', 'firstlast@example.com'],
    ['f.i.r.s.t@example.com', 'first@example.com'],
    ['user+label@example.com', 'user+label@example.com'],
    ['user@xn--bcher-kva.example', 'user@bücher.example'],
    ['user@BÜCHER.example', 'user@bücher.example'],
    ['ju\u0308rgen@example.com', 'jürgen@example.com'],
    ['user@localhost', 'user@localhost'],
    ['a_b@c_d.example', 'a_b@c_d.example'],
    ['constructor@__proto__', 'constructor@__proto__'],
    ['$where@example.com', '$where@example.com'],
    ['', undefined],
    ['@example.com', undefined],
    ['user', undefined],
    ['user@', undefined],
    ['...@example.com', undefined],
    ['user@example..com', undefined],
    ['user@example.com.', undefined],
    ['user@ex%61mple.com', undefined],
    ['user@exam ple.com', undefined],
    ['us er@example.com', undefined],
    ['us\r\ner@example.com', undefined],
    ['us\u0000er@example.com', undefined],
    ['us\u202eer@example.com', undefined],
    ['"quoted"@example.com', undefined],
    ['a@b@example.com', undefined],
    ['user@[127.0.0.1]', undefined],
    [`${'a'.repeat(2000)}@example.com`, undefined],
  ];
  for (const [text, view] of cases) {
    it(JSON.stringify(text).slice(0, 40), () => {
      assert.equal(addressView(text), view);
    });
  }
});

describe('recipientView', () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['user+label@example.com', 'user@example.com'],
    ['us.er+a.b+c@example.com', 'user@example.com'],
    ['+label@example.com', undefined],
    ['User@Example.com', 'user@example.com'],
  ];
  for (const [text, view] of cases) {
    it(text, () => {
      assert.equal(recipientView(text), view);
    });
  }
});

describe('addressFault', () => {
  const cases: readonly (readonly [string, boolean])[] = [
    [`${'a'.repeat(63)}@example.com`, true],
    [`${'a'.repeat(64)}@example.com`, true],
    [`${'a'.repeat(65)}@example.com`, false],
    [`${'ü'.repeat(32)}@example.com`, true],
    [`${'ü'.repeat(33)}@example.com`, false],
    ['user+label@example.com', false],
    ['*@example.com', false],
    ['.user@example.com', false],
    ['us..er@example.com', false],
    ['us.er@example.com', true],
    ['nobody', false],
  ];
  for (const [text, isUsable] of cases) {
    it(text.slice(0, 40), () => {
      assert.equal(addressFault(text) === undefined, isUsable);
    });
  }
});

it('withoutLabel keeps what is not a label', () => {
  assert.equal(withoutLabel('Us.er+x@Example.com'), 'Us.er@Example.com');
  assert.equal(withoutLabel('user@a+b'), 'user@a+b');
});

it('normaliseDomain refuses what URLs would rewrite into something else', () => {
  assert.equal(normaliseDomain('Example.COM'), 'example.com');
  assert.equal(normaliseDomain('ex/ample'), undefined);
  assert.equal(normaliseDomain('a'.repeat(256)), undefined);
});

it('views take linear time', () => {
  const time = (n: number): number => {
    const text = `${'a.'.repeat(n)}@${'b.'.repeat(n)}c`;
    const start = threadTime();
    for (let i = 0; i < 200; i += 1) addressView(text);
    return threadTime() - start;
  };
  time(100);
  assert.ok(time(100_000) < 200);
});
