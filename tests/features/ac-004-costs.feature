# AC-004 of SPEC-MODEL-001. The scenarios that are no outlines are the specification's, word for word; those with a path
# run against `moai serve`.
Feature: 비용 추적 시스템 정확도

  Scenario: 단일 요청 비용 추적
    Given CostTracker가 초기화된 상태에서
    When Claude Opus로 1000 input tokens, 500 output tokens 요청이 처리되면
    Then CostTracker가 다음을 기록해야 한다:
      | field         | value         |
      | model         | claude-opus   |
      | input_tokens  | 1000          |
      | output_tokens | 500           |
      | cost_usd      | 0.0525        |
    And 기록된 비용이 실제 청구 금액과 95% 이상 일치해야 한다

  Scenario: 일일 비용 요약 조회
    Given 당일 10건의 요청이 처리된 상태에서
    When "/api/costs/daily" API를 호출하면
    Then 응답에 다음 필드가 포함되어야 한다:
      | field            | type   |
      | total_cost_usd   | float  |
      | tier1_cost_usd   | float  |
      | tier2_cost_usd   | float  |
      | tier1_percentage | float  |
      | tier2_percentage | float  |
    And tier1_percentage + tier2_percentage = 100%이어야 한다

  Scenario: 모델별 비용 분석
    Given 다양한 모델로 요청이 처리된 상태에서
    When "/api/costs/breakdown" API를 호출하면
    Then 각 모델별 비용 상세가 반환되어야 한다
    And 총 비용 합계가 daily summary와 일치해야 한다

  # The SPEC's test data: COST_TEST_CASES, in its own price table (`--prices spec-model-001`).
  Scenario Outline: 비용 계산 - <model> <input_tokens>/<output_tokens>
    Given CostTracker가 초기화된 상태에서
    When <model>의 <input_tokens> input tokens, <output_tokens> output tokens 비용을 계산하면
    Then 비용이 <expected_cost> USD이어야 한다

    Examples: COST_TEST_CASES
      | model       | input_tokens | output_tokens | expected_cost |
      | claude-opus | 1000         | 500           | 0.0525        |
      | claude-opus | 10000        | 5000          | 0.525         |
      | glm-4.7     | 1000         | 500           | 0.002         |
      | glm-4.7     | 10000        | 5000          | 0.02          |
